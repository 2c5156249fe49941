"""A page of another site points its own name at this machine (DNS rebinding), or speaks HTTP as no browser does."""

from __future__ import annotations

import psutil
import pytest

from deploy.local.environment import OFFSETS
from deploy.local.loopback import ask
from deploy.local.office import ask_ops
from deploy.local.stack import Stack
from tests.worlds.http_server import answer_to

PAGES = ("registration", "desk", "wallet", "verifier", "ops")
SERVERS = [name for name in OFFSETS if name in PAGES or name.endswith(" metrics")]

_LAST = "Connection: close\r\n\r\n"  # or the server would wait for a further request


@pytest.mark.parametrize("name", SERVERS)
def test_no_server_answers_under_a_foreign_host(stack: Stack, name: str) -> None:
    port = stack.place.port(name)
    url = f"http://127.0.0.1:{port}"
    path = "/metrics" if name.endswith("metrics") else "/api/v1/people"
    own = ask.get(url + path, headers={"host": f"localhost:{port}"})
    assert own.status_code in ((200,) if name.endswith("metrics") else (401, 404))  # ops: a key is asked for
    for host in (f"evil.example:{port}", "evil.example", f"localhost.evil.example:{port}", "0.0.0.0", f"[::2]:{port}"):
        headers = {"host": host, "origin": f"http://{host}", "x-forwarded-host": f"localhost:{port}"}
        for answer in (ask.get(url + path, headers=headers), ask.post(url + path, headers=headers)):
            assert answer.status_code == 421
            assert "evil" not in answer.text + str(answer.headers)
    for lines in ("", f"Host: localhost:{port}\r\nHost: evil.example\r\n", f"Host: user@localhost:{port}\r\n"):
        assert b" 400 " in answer_to(url, f"GET {path} HTTP/1.1\r\n{lines}{_LAST}".encode())[:20]
    absolute = f"GET http://evil.example{path} HTTP/1.1\r\nHost: localhost:{port}\r\n{_LAST}"
    assert b" 400 " in answer_to(url, absolute.encode())[:20]


def test_a_foreign_host_can_neither_read_names_nor_revoke(stack: Stack) -> None:
    url, port = stack.urls["ops"], stack.place.port("ops")
    headers = {"host": f"evil.example:{port}", "origin": f"http://evil.example:{port}", "sec-fetch-site": "same-origin"}
    before = ask_ops(stack.place, "/api/v1/decisions").raise_for_status().json()
    order = {"id": "A" * 26, "by": "x", "why": "x"}
    for answer in (
        ask.get(f"{url}/api/v1/people", headers=headers),
        ask.post(f"{url}/api/v1/revoke", json=order, headers=headers),
    ):
        assert answer.status_code == 421
    assert ask_ops(stack.place, "/api/v1/decisions").json() == before


def test_every_process_of_the_stack_listens_on_loopback_only(stack: Stack) -> None:
    for name in (*stack.services, "kafka", "postgres", "s3", "chain", "mail"):
        process = psutil.Process(stack.pid(name))
        for each in (process, *process.children(recursive=True)):
            listening = [c.laddr.ip for c in each.net_connections("inet") if c.status == psutil.CONN_LISTEN]
            assert set(listening) <= {"127.0.0.1", "::1", "::ffff:127.0.0.1"}, (name, listening)
