"""The five parts that the services stand on: how each is started, ended, and known to be ready."""

from __future__ import annotations

import os
import shutil
import socket
import sys
from collections.abc import Callable, Mapping
from configparser import ConfigParser
from dataclasses import dataclass, field
from pathlib import Path

from deploy.local import kafka_node, postgres
from deploy.local.environment import BUCKET, REPOSITORY, Place


@dataclass(frozen=True)
class Part:
    """`ports` are names of environment.OFFSETS; `prepare` runs before each start by the stack, not before a restart."""

    title: str
    ports: tuple[str, ...]
    command: Callable[[Place, str], list[str]]
    prepare: Callable[[Place], None]
    stop_signal: str = "SIGTERM"
    end_by: str = "SIGKILL"
    user: str = ""
    settings: Callable[[Place], Mapping[str, str]] = field(default=lambda _: {})

    def answers(self, place: Place) -> bool:
        """Whether all its ports take connections."""
        return all(takes_connections(place.port(port)) for port in self.ports)


def takes_connections(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 0.5).close()
    except OSError:
        return False
    return True


def s3_keys(place: Place) -> tuple[str, str]:
    file = ConfigParser(interpolation=None)
    file.read(place.secrets / "s3-credentials")
    return file["default"]["aws_access_key_id"], file["default"]["aws_secret_access_key"]


def _storage_command(place: Place, _: str) -> list[str]:
    program = Path(sys.executable).with_name("rclone")
    serve = [str(program), "serve", "s3", "--addr", place.address("s3"), "--config", ""]
    return [*serve, "--log-level", "NOTICE", str(place.data / "s3")]


def _storage_settings(place: Place) -> dict[str, str]:
    key, secret = s3_keys(place)
    return {
        "RCLONE_AUTH_KEY": f'"{key},{secret}"'
    }  # here and not in the command, which every user of the machine can read


def _chain_command(place: Place, clock: str) -> list[str]:
    command = [sys.executable, "-m", "deploy.local.anvil", "--home", str(place.home)]
    command += ["--port-base", str(place.port_base)]
    return [*command, "--clock", clock] if clock else command


def _mail_command(place: Place, _: str) -> list[str]:
    script = REPOSITORY / "node_modules" / "maildev" / "dist" / "bin" / "maildev.js"
    smtp = ["--smtp", str(place.port("smtp")), "--ip", "127.0.0.1"]
    web = ["--web", str(place.port("inbox")), "--web-ip", "127.0.0.1"]
    return [shutil.which("node") or "node", str(script), *smtp, *web, "--mail-directory", str(place.inbox)]


def _folder(*names: str) -> Callable[[Place], None]:
    return lambda place: place.home.joinpath(*names).mkdir(parents=True, exist_ok=True)


PARTS: Mapping[str, Part] = {
    "kafka": Part(
        title="Kafka",
        ports=("kafka", "kafka controller"),
        command=lambda place, _: kafka_node.command(place),
        prepare=kafka_node.prepare,
    ),
    "postgres": Part(
        title="PostgreSQL",
        ports=("postgres",),
        command=lambda place, _: postgres.command(place),
        prepare=postgres.prepare,
        stop_signal="SIGINT",  # fast shutdown; TERM would wait for every client to leave
        end_by="SIGQUIT",  # its children go with it, and the log is replayed at the next start
        user=postgres.OS_USER if os.geteuid() == 0 else "",
    ),
    "s3": Part(
        title="rclone (S3)",
        ports=("s3",),
        command=_storage_command,
        prepare=_folder("data", "s3", BUCKET),
        settings=_storage_settings,
    ),
    "chain": Part(title="anvil", ports=("chain",), command=_chain_command, prepare=_folder("data", "chain")),
    "mail": Part(title="MailDev", ports=("smtp", "inbox"), command=_mail_command, prepare=_folder("inbox")),
}
"""In the order of their start: the slowest first."""
