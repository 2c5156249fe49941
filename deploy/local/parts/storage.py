"""Object storage of the local stack: `rclone serve s3` over a folder."""

from __future__ import annotations

import sys
from configparser import ConfigParser
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from deploy.local.environment import BUCKET, Place

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client


def command(place: Place) -> list[str]:
    program = Path(sys.executable).with_name("rclone")
    # Else each put compares its name, normalised, with that of every file in the folder: 30 ms of CPU beside 100 000.
    serve = [str(program), "serve", "s3", "--addr", place.address("s3"), "--config", "", "--no-unicode-normalization"]
    # Else MD5 is computed of what comes in and of what goes out to the file, to compare them: a quarter of a put's CPU.
    # Neither is of what is on disk, which a scrub reads.
    serve.append("--ignore-checksum")
    return [*serve, "--log-level", "NOTICE", str(place.data / "s3")]


def prepare(place: Place) -> None:
    (place.data / "s3" / BUCKET).mkdir(parents=True, exist_ok=True)


def settings(place: Place) -> dict[str, str]:
    """The keys, in the environment and not in the command line, which every user of the machine can read."""
    return {"RCLONE_AUTH_KEY": f'"{",".join(_keys(place))}"'}


def answers(place: Place) -> bool:
    """Whether the bucket is there."""
    from botocore.exceptions import BotoCoreError, ClientError  # the supervisor, which loads this file, needs no boto3

    try:
        _client(place.urls["s3"], *_keys(place)).head_bucket(Bucket=BUCKET)
    except (BotoCoreError, ClientError):
        return False
    return True


@cache
def _client(url: str, key: str, secret: str) -> S3Client:
    """Made once: a client takes a tenth of a second of CPU, and a start asks twenty times a second."""
    import boto3
    from botocore.config import Config

    return boto3.client(
        "s3",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        config=Config(signature_version="s3v4", s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}),
    )


def _keys(place: Place) -> tuple[str, str]:
    file = ConfigParser(interpolation=None)
    file.read(place.secrets / "s3-credentials")
    return file["default"]["aws_access_key_id"], file["default"]["aws_secret_access_key"]
