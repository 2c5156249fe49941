"""`shared/runtime/objects.py` against a real S3, and against one that fails in each way it can."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from socket import socket

import pytest

from shared.errors import NotFound, RefuseToStart, TryLater
from shared.runtime.objects import Objects
from shared.runtime.settings import ObjectStorageSettings
from tests.worlds.s3_server import Buckets, storage

KEY = "credentials/01J.json"


@pytest.fixture(scope="module")
def buckets() -> Iterator[Buckets]:
    with storage() as buckets:
        yield buckets


@contextmanager
def server(answer: bytes | None) -> Iterator[int]:
    """A port where each request is answered so, and the connection closed after it; None: closed at once."""
    with socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        listener.settimeout(0.1)
        over = threading.Event()

        def serve() -> None:
            while not over.is_set():
                try:
                    connection, _ = listener.accept()
                except TimeoutError:
                    continue
                with connection:
                    if answer is not None:
                        connection.recv(65536)
                        connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            over.set()
            thread.join()


def http(status: str, body: bytes, length: int | None = None) -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body) if length is None else length}\r\n\r\n".encode() + body


def test_what_was_put_is_read_and_putting_again_replaces_it(buckets: Buckets) -> None:
    objects = Objects(buckets.fresh())
    for body in (b"{}", b"", bytes(range(256)) * 4000, "証".encode()):
        objects.put(KEY, body, "application/json")
        assert objects.get(KEY) == body


def test_an_object_that_is_not_there_is_not_found(buckets: Buckets) -> None:
    objects = Objects(buckets.fresh())
    objects.put(KEY, b"{}", "application/json")
    for key in ("credentials/01K.json", f"{KEY}/more", "credentials"):
        with pytest.raises(NotFound, match=key):
            objects.get(key)


def test_what_was_deleted_is_gone_and_deleting_again_changes_nothing(buckets: Buckets) -> None:
    objects = Objects(buckets.fresh())
    for key in (KEY, f"{KEY}.png"):
        objects.put(key, b"{}", "application/json")
    for _ in range(2):
        objects.delete(KEY)
        with pytest.raises(NotFound):
            objects.get(KEY)
    assert objects.list_keys("credentials/", "", 9) == [f"{KEY}.png"]


def test_a_bucket_that_is_not_there_says_nothing_about_its_objects(buckets: Buckets) -> None:
    objects = Objects(replace(buckets.fresh(), bucket="another"))
    with pytest.raises(TryLater):
        objects.get(KEY)
    with pytest.raises(TryLater):
        objects.put(KEY, b"{}", "application/json")
    with pytest.raises(TryLater):
        objects.delete(KEY)


def test_keys_are_listed_in_order_from_behind_the_last(buckets: Buckets) -> None:
    objects = Objects(buckets.fresh())
    for number in (3, 1, 2, 4):
        objects.put(f"credentials/{number}.json", b"{}", "application/json")
    objects.put("certificates/1.pdf", b"", "application/pdf")
    assert objects.list_keys("credentials/", "", 2) == ["credentials/1.json", "credentials/2.json"]
    assert objects.list_keys("credentials/", "credentials/2.json", 9) == ["credentials/3.json", "credentials/4.json"]
    assert objects.list_keys("badges/", "", 9) == []


def test_the_code_of_the_answer_is_named(buckets: Buckets) -> None:
    answer = http("503 Slow Down", b"<Error><Code>SlowDown</Code></Error>")
    with server(answer) as port, pytest.raises(TryLater, match="get answered SlowDown"):
        Objects(replace(buckets.fresh(), endpoint=f"http://127.0.0.1:{port}")).get(KEY)


@pytest.mark.parametrize(
    "answer",
    [
        None,
        b"no HTTP at all\r\n\r\n",
        http("500 Internal Server Error", b""),
        http("503 Slow Down", b"<Error><Code>SlowDown</Code></Error>"),
        http("403 Forbidden", b"<Error><Code>SignatureDoesNotMatch</Code></Error>"),
        http("507 Insufficient Storage", b""),
        http("404 Not Found", b"<Error><Code>NoSuchBucket</Code></Error>"),
    ],
    ids=["closed", "no HTTP", "500", "slow down", "forbidden", "full", "no bucket"],
)
def test_a_storage_that_fails_is_asked_again_later(answer: bytes | None, buckets: Buckets) -> None:
    with server(answer) as port:
        objects = Objects(replace(buckets.fresh(), endpoint=f"http://127.0.0.1:{port}"))
        with pytest.raises(TryLater, match=KEY):
            objects.get(KEY)
        with pytest.raises(TryLater, match=KEY):
            objects.put(KEY, b"{}", "application/json")


def test_half_an_object_is_no_object(buckets: Buckets) -> None:
    with server(http("200 OK", b'{"id":', length=1000)) as port, pytest.raises(TryLater, match=KEY):
        Objects(replace(buckets.fresh(), endpoint=f"http://127.0.0.1:{port}")).get(KEY)


def test_a_storage_that_is_away_is_asked_again_later(buckets: Buckets) -> None:
    with server(None) as port:
        pass
    objects = Objects(replace(buckets.fresh(), endpoint=f"http://127.0.0.1:{port}"))
    for ask in (lambda: objects.get(KEY), lambda: objects.list_keys("credentials/", "", 1)):
        with pytest.raises(TryLater):
            ask()


def test_a_file_without_keys_is_named_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("[other]\n")
    with pytest.raises(RefuseToStart, match=r"S3_CREDENTIALS_FILE: .*keys"):
        Objects(ObjectStorageSettings("http://127.0.0.1:1", "badges", tmp_path / "keys"))
