"""Requests as no browser sends them, on the server that all services have, around an app of a few routes."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI, Form
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response, StreamingResponse

from shared.programme import parse_programme
from shared.runtime.web import pages, server
from shared.runtime.web.metrics import metrics_site
from tests.worlds.http_server import all_of, answer_to, connected, serving
from tests.worlds.story import until

PROGRAMME = parse_programme(Path("deploy/programmes/jci.toml").read_text(encoding="utf-8"))


def app(folder: Path, seen: list[str]) -> FastAPI:
    made = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    pages(folder, PROGRAMME).install(made, most_bytes=10**6)

    @made.get("/thing")
    def thing(request: Request) -> Response:
        seen.append(request.method)
        return PlainTextResponse("the thing", headers={"x-of": "thing"})

    @made.post("/thing")
    def change(text: str = Form()) -> Response:
        seen.append(f"changed {text}")
        return PlainTextResponse("changed")

    @made.get("/away")
    def away(request: Request) -> Response:
        return RedirectResponse(str(request.url.replace(path="/thing")))

    @made.get("/who")
    def who(request: Request) -> Response:
        assert request.client is not None
        return PlainTextResponse(f"{request.client.host} {request.url.scheme} {request.url.netloc}")

    @made.get("/much")
    def much() -> Response:
        return StreamingResponse(b"x" * 65536 for _ in range(200))

    return made


@pytest.fixture
def seen() -> list[str]:
    return []


@pytest.fixture
def url(tmp_path: Path, seen: list[str]) -> Iterator[str]:
    with serving(app(tmp_path, seen)) as url:
        yield url


def ask(url: str, *lines: str, target: str = "/thing", method: str = "GET", version: str = "1.1") -> bytes:
    head = "\r\n".join([f"{method} {target} HTTP/{version}", *lines, "connection: close"])
    return answer_to(url, f"{head}\r\n\r\n".encode("latin-1"))


def status(answer: bytes) -> int:
    return int(answer.split()[1])


def fields(answer: bytes) -> list[bytes]:
    """The headers, without those that differ by the second or the form of the body."""
    lines = answer.partition(b"\r\n\r\n")[0].split(b"\r\n")[1:]
    return sorted(line for line in lines if not line.startswith((b"date:", b"transfer-encoding:")))


def own(url: str) -> str:
    return f"host: {url.removeprefix('http://')}"


def test_only_requests_under_an_own_host_reach_a_route(url: str, seen: list[str]) -> None:
    port = url.rpartition(":")[2]
    for host in (f"localhost:{port}", f"LocalHost:{port}", f"127.0.0.1:{port}", f"[::1]:{port}", f"localhost.:{port}"):
        assert status(ask(url, f"host: {host}")) == 200, host
    assert len(seen) == 5
    for host in (f"evil.example:{port}", "evil.example", f"localhost.evil.example:{port}", "localhost", "[::2]"):
        answer = ask(url, f"host: {host}", f"origin: http://{host}", f"x-forwarded-host: localhost:{port}")
        assert status(answer) == 421, host
        assert b"ALLOWED_HOSTS" in answer and b"evil" not in answer
    for lines in ([], ["host:"], [own(url), own(url)], [f"host: a@localhost:{port}"], [own(url), "host: evil.example"]):
        assert status(ask(url, *lines)) == 400, lines
    assert status(ask(url, version="1.0")) == 400
    assert len(seen) == 5


def test_a_foreign_host_can_neither_change_anything_nor_be_repeated(url: str, seen: list[str]) -> None:
    evil = "host: evil.example"
    answer = ask(url, evil, "origin: http://evil.example", "content-length: 0", method="POST")
    assert status(answer) == 421
    assert b"evil" not in ask(url, evil, target="/away")
    assert b"location: " + url.encode() in ask(url, own(url), target="/away")
    assert seen == []


def test_the_host_of_an_absolute_target_is_the_one_that_counts(url: str, seen: list[str]) -> None:
    assert status(ask(url, own(url), target=f"{url}/thing")) == 200
    for target in (
        "http://evil.example/thing",
        f"http://evil.example:{url.rpartition(':')[2]}/thing",
        "HTTP://evil?x",
        "ftp://evil/thing",
    ):
        assert status(ask(url, own(url), target=target)) == 400, target
        assert status(ask(url, "host: evil.example", target=target)) in (400, 421), target
    assert status(ask(url, "host: evil.example", target=f"{url}/thing")) == 400
    assert seen == ["GET"]


@pytest.mark.parametrize(
    "line",
    [
        "x-forwarded-for: 192.0.2.1",
        "x-forwarded-proto: https",
        "x-forwarded-host: evil.example",
        "forwarded: for=192.0.2.1;proto=https;host=evil.example",
        "x-real-ip: 192.0.2.1",
    ],
)
def test_nothing_is_believed_of_what_was_forwarded_while_no_proxy_is_configured(url: str, line: str) -> None:
    plain = f"127.0.0.1 http {url.removeprefix('http://')}".encode()
    assert ask(url, own(url), line, target="/who").endswith(plain)


def test_a_websocket_handshake_under_a_foreign_host_is_refused(url: str, seen: list[str]) -> None:
    upgrade = ("upgrade: websocket", "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==", "sec-websocket-version: 13")
    for host in ("host: evil.example", f"host: evil.example:{url.rpartition(':')[2]}"):
        head = "\r\n".join(["GET /thing HTTP/1.1", host, "connection: upgrade", *upgrade])
        answer = answer_to(url, f"{head}\r\n\r\n".encode())
        assert status(answer) == 421
    assert status(ask(url, "host: evil.example", "accept: text/event-stream")) == 421
    assert seen == []


def test_the_metrics_answer_under_own_hosts_only() -> None:
    with serving(metrics_site()) as url:
        assert b"akashi_web_refused" in ask(url, own(url), target="/metrics")
        assert status(ask(url, own(url), target="/healthz", method="HEAD")) == 200
        assert status(ask(url, "host: evil.example", target="/metrics")) == 421
        assert status(ask(url, "host: evil.example", target="/healthz")) == 421
        assert status(ask(url, own(url), target="/metrics", method="POST")) == 405


def test_head_is_get_without_its_body(url: str) -> None:
    for target, code in (("/thing", 200), ("/healthz", 200), ("/nowhere", 404), ("/away", 307), ("/much", 200)):
        got, head = (ask(url, own(url), target=target, method=method) for method in ("GET", "HEAD"))
        assert status(head) == status(got) == code
        assert head.partition(b"\r\n\r\n")[2] == b""
        assert fields(head) == fields(got)


def test_options_names_the_methods_of_a_path_and_does_nothing(url: str, seen: list[str]) -> None:
    answer = ask(url, own(url), method="OPTIONS")
    assert status(answer) == 204 and b"allow: GET, HEAD, OPTIONS, POST\r\n" in answer
    assert b"allow: GET, HEAD, OPTIONS\r\n" in ask(url, own(url), method="OPTIONS", target="/much")
    assert status(ask(url, own(url), method="OPTIONS", target="/nowhere")) == 404
    refused = ask(url, own(url), method="DELETE")
    assert status(refused) == 405 and b"allow: GET, HEAD, OPTIONS, POST\r\n" in refused
    assert seen == []


@pytest.mark.parametrize("target", ["/thing%00", "/%00/x", "/thing?a=%00", "/thing?%00=a", "/thing?a=b%00c&d=e"])
def test_a_nul_in_the_target_is_a_bad_request(url: str, seen: list[str], target: str) -> None:
    assert status(ask(url, own(url), target=target)) == 400
    assert seen == []


@pytest.mark.parametrize(
    "line", ["x: \0", "x\0: a", "cookie: a=\0", "x: \x01", "user-agent: \r", ": a", "transfer-encoding: nothing"]
)
def test_a_broken_header_is_a_bad_request(url: str, seen: list[str], line: str) -> None:
    assert 400 <= status(ask(url, own(url), line)) < 500 or seen == ["GET"]


@pytest.mark.parametrize(
    "head", [b"GET / HTTP/9.9", b"\x16\x03\x01\x02\0", b"get", b"GET /\xff\xfe HTTP/1.1", b"\0" * 50]
)
def test_what_is_no_http_is_a_bad_request(url: str, head: bytes) -> None:
    assert status(answer_to(url, head + b"\r\n" + own(url).encode() + b"\r\n\r\n")) in (400, 404)


@pytest.mark.parametrize(
    "head",
    [
        b"x: " + b"a" * 40_000,
        b"a" * 40_000 + b": x",
        b"".join(b"x%d: aaaaaaaaaaaaaaaaaaaaaaa\r\n" % n for n in range(1500)) + b"y: z",
        b"cookie: " + b"; ".join([b"a=b"] * 10_000),
    ],
)
@pytest.mark.parametrize("whole", [True, False])
def test_a_head_over_the_limit_is_refused_whole_or_not(url: str, seen: list[str], head: bytes, whole: bool) -> None:
    request = b"GET /thing HTTP/1.1\r\n" + own(url).encode() + b"\r\n" + head
    assert status(answer_to(url, request + b"\r\n\r\n" * whole)) == 431
    assert seen == []


def test_an_endless_head_is_refused_while_it_is_sent(url: str) -> None:
    with connected(url) as line:
        line.sendall(b"GET /thing HTTP/1.1\r\n" + own(url).encode() + b"\r\n")
        sent = 0
        try:
            while sent < 50_000_000:
                line.sendall(b"x: " + b"a" * 1000 + b"\r\n")
                sent += 1005
        except OSError:
            pass
    assert sent < 10_000_000  # what lies in the kernel's buffers; the server kept 32 KiB


def test_endless_trailers_are_refused(url: str) -> None:
    chunked = f"POST /thing HTTP/1.1\r\n{own(url)}\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n"
    with connected(url) as line:
        line.sendall(chunked.encode())
        for _ in range(60):
            try:
                line.sendall(b"t: " + b"a" * 1000 + b"\r\n")
            except OSError:
                return
        assert status(all_of(line)) in (413, 422, 431)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HEAD_SECONDS", "BODY_SECONDS", "WRITE_SECONDS"):
        monkeypatch.setattr(server, name, 0.2)


@pytest.mark.parametrize(
    "begun", [b"", b"G", b"GET /thing HTTP/1.1\r\n", b"GET /thing HTTP/1.1\r\nhost: localhost\r\nx"]
)
def test_a_head_that_does_not_come_is_cut_off(quick: None, url: str, begun: bytes) -> None:
    answer = answer_to(url, begun)
    assert answer == b"" if not begun else status(answer) == 408


def test_a_second_head_that_does_not_come_is_cut_off_too(quick: None, url: str) -> None:
    first = f"GET /thing HTTP/1.1\r\n{own(url)}\r\n\r\n".encode()
    for more in (b"GET /th", b"\r\n"):
        with connected(url) as line:
            line.sendall(first)
            assert status(line.recv(65536)) == 200
            line.sendall(more)
            assert status(all_of(line)) == 408


def test_who_keeps_a_connection_as_httpx_does_never_asks_on_one_that_is_being_ended(url: str) -> None:
    expiry = httpx.Limits().keepalive_expiry
    assert expiry is not None and expiry + 5 <= server.KEEP_ALIVE_SECONDS
    first = f"GET /thing HTTP/1.1\r\n{own(url)}\r\n\r\n".encode()
    with connected(url) as line:
        for pause in (expiry + 0.5, 0):  # a little later than a client would still take it
            line.sendall(first)
            assert status(line.recv(65536)) == 200
            time.sleep(pause)


@pytest.mark.parametrize("frame", ["content-length: 500", "transfer-encoding: chunked"])
def test_a_body_that_does_not_come_is_cut_off(quick: None, url: str, seen: list[str], frame: str) -> None:
    head = f"POST /thing HTTP/1.1\r\n{own(url)}\r\ncontent-type: application/x-www-form-urlencoded\r\n{frame}\r\n\r\n"
    assert status(answer_to(url, head.encode() + b"5\r\ntext=")) == 408
    assert seen == []


def test_a_reader_that_takes_nothing_is_cut_off(quick: None, url: str) -> None:
    with connected(url) as line:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        line.sendall(f"GET /much HTTP/1.1\r\n{own(url)}\r\n\r\n".encode())
        cut = server.CUT_OFF.labels("slow-reader")
        before = cut._value.get()
        until(lambda: cut._value.get() > before, seconds=30, what="the slow reader is cut off")
        line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def test_half_requests_make_room_for_whole_ones(tmp_path: Path, seen: list[str]) -> None:
    with serving(app(tmp_path, seen), most_connections=20) as url:
        lines = [connected(url) for _ in range(200)]
        try:
            for line in lines:
                try:
                    line.sendall(b"GET /thing HTTP/1.1\r\n")
                except OSError:
                    continue  # cut off already
            for _ in range(5):
                assert status(ask(url, own(url))) == 200
        finally:
            for line in lines:
                line.close()
    assert seen == ["GET"] * 5
