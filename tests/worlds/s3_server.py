"""A private S3 server (rclone), for tests: the buckets are folders under /tmp."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp

import boto3
from botocore.config import Config

from deploy.local.ports import free_port, takes_connections
from shared.runtime.settings import ObjectStorageSettings

_KEY, _SECRET = "tests", "a secret of the tests only"


class Buckets:
    """The server. `fresh` gives a new, empty bucket."""

    def __init__(self, folder: Path, port: int) -> None:
        self._port = port
        self._made = 0
        self._client = boto3.client(
            "s3",
            endpoint_url=f"http://127.0.0.1:{port}",
            region_name="us-east-1",
            aws_access_key_id=_KEY,
            aws_secret_access_key=_SECRET,
            config=Config(s3={"addressing_style": "path"}),
        )
        self._credentials = folder / "credentials"
        self._credentials.write_text(f"[default]\naws_access_key_id = {_KEY}\naws_secret_access_key = {_SECRET}\n")

    def fresh(self) -> ObjectStorageSettings:
        self._made += 1
        name = f"bucket{self._made}"
        self._client.create_bucket(Bucket=name)
        return ObjectStorageSettings(f"http://127.0.0.1:{self._port}", name, self._credentials)


@contextmanager
def storage() -> Iterator[Buckets]:
    folder, port = Path(mkdtemp(prefix="akashi-storage-")), free_port()
    (folder / "buckets").mkdir()
    program = str(Path(sys.executable).with_name("rclone"))
    server = subprocess.Popen(
        [program, "serve", "s3", "--addr", f"127.0.0.1:{port}", "--config", "", str(folder / "buckets")],
        env={"RCLONE_AUTH_KEY": f'"{_KEY},{_SECRET}"', "HOME": str(folder)},
        stderr=(folder / "log").open("wb"),
    )
    try:
        while not takes_connections(port):
            if server.poll() is not None:
                raise RuntimeError((folder / "log").read_text())
            time.sleep(0.02)
        yield Buckets(folder, port)
    finally:
        server.terminate()
        server.wait(10)
        rmtree(folder, ignore_errors=True)
