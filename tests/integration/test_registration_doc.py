"""The examples of docs/registration.md, run as they stand there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from kafka import KafkaConsumer

from deploy.local.stack import Stack
from services.registration import handlers
from services.registration.web.intake import intake_site
from shared.runtime.batches import RawMessage
from tests.worlds.http_server import serving
from tests.worlds.registration import KEY, registration_database, world_at

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = dict(
    re.findall(
        r"### \d\. (.+?)\n.*?```(?:sh|python)\n(.*?)```",
        (ROOT / "docs/registration.md").read_text(encoding="utf-8"),
        re.DOTALL,
    )
)


@pytest.mark.xdist_group("parts")
def test_the_three_ways_to_connect_deliver_a_registration_each(parts: Stack, tmp_path: Path) -> None:
    file, http, kafka = EXAMPLES["A file: `akashi feed`"], EXAMPLES["HTTP"], EXAMPLES["Kafka"]
    bootstrap = parts.environment("registration")["KAFKA_BOOTSTRAP"]
    (tmp_path / "key").write_bytes(KEY)
    with registration_database() as url, world_at(url) as world:
        app = intake_site(world.ports, KEY, 10_000_000, lambda: None)
        with serving(app) as site:
            environment = os.environ | {
                "PATH": f"{ROOT / '.venv/bin'}:{os.environ['PATH']}",
                "REGISTRATION_URL": site,
                "UPSTREAM_KEY_FILE": str(tmp_path / "key"),
                "KAFKA_BOOTSTRAP": bootstrap,
            }

            def run(*command: str) -> str:
                done = subprocess.run(
                    command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False
                )
                assert done.returncode == 0, done.stderr + done.stdout
                return done.stdout

            assert "1 accepted" in run("bash", "-euc", file)
            assert "受付" in (tmp_path / "result.csv").read_text(encoding="utf-8-sig")
            answer = run("bash", "-euc", http)
            assert '"field":"birth_date","got":"1985-02-30"' in answer
            assert '"outcome":"summary","rows":2,"accepted":1' in answer
            run(sys.executable, "-c", kafka)
        consumer = KafkaConsumer(
            "upstream.registrations",
            bootstrap_servers=bootstrap,
            auto_offset_reset="earliest",
            consumer_timeout_ms=20_000,
        )
        message = next(each for each in consumer if each.key == b"R2026-X0004")
        consumer.close()
        handlers.accept_messages([RawMessage(record_key=message.key, value=message.value)], world.ports)
        world.settle()
        assert world.renewed() == ["R2026-X0001", "R2026-X0002", "R2026-X0004"]
