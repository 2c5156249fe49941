"""Files and names that cost much, many at once: their sender is refused, everybody else is served."""

from __future__ import annotations

import io
import json
import zlib
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pikepdf
import pytest
from pikepdf import Array, Dictionary, Name, Pdf

from deploy.local.loopback import ask
from deploy.local.ports import free_port
from services.verifier.config import Limits
from tests.corpus.make import attached
from tests.worlds.anvil import Anvil, anvil
from tests.worlds.postgres import Databases
from tests.worlds.verifier import VerifierWorld, verifier_world

GENEROUS = 120  # seconds


@pytest.fixture(scope="module")
def chain() -> Iterator[Anvil]:
    with anvil() as made:
        yield made


@pytest.fixture
def world(databases: Databases, chain: Anvil) -> Iterator[VerifierWorld]:
    limits = Limits("1000000/minute", "1000000/minute", ("127.0.0.0/8",))
    with verifier_world(chain, databases.fresh(), free_port(), limits) as made:
        yield made


def nested() -> bytes:
    """A PDF of about 1 KB whose attachment is packed twice, and has 200 MB."""
    with Pdf.new() as made:
        made.add_blank_page()
        stream = pikepdf.Stream(made, zlib.compress(zlib.compress(b" " * 200_000_000, 9), 9))
        stream.stream_dict = Dictionary(
            Type=Name.EmbeddedFile,
            Subtype=Name("/application#2fjson"),
            Filter=Array([Name.FlateDecode, Name.FlateDecode]),
        )
        spec = made.make_indirect(
            Dictionary(
                Type=Name.Filespec, F="credential.json", UF="credential.json", EF=Dictionary(F=stream, UF=stream)
            )
        )
        made.Root.Names = Dictionary(EmbeddedFiles=Dictionary(Names=Array(["credential.json", spec])))
        file = io.BytesIO()
        made.save(file, compress_streams=False, stream_decode_level=pikepdf.StreamDecodeLevel.none)
    return file.getvalue()


def others_are_served(world: VerifierWorld) -> None:
    for path in ("/healthz", "/.well-known/did.json", "/status/1.json", "/"):
        assert ask.get(world.url + path, timeout=GENEROUS).status_code == 200


def test_fifty_costly_pdfs_of_one_client_are_refused_and_everybody_else_is_served(world: VerifierWorld) -> None:
    [badge] = world.anchor(world.issue())
    good, costly = attached(json.dumps(badge).encode()), nested()
    assert len(costly) < 4_000

    def send(client: str, content: bytes) -> tuple[int, str]:
        headers = {"x-forwarded-for": client}
        answer = ask.post(f"{world.url}/api/v1/verify", content=content, headers=headers, timeout=GENEROUS)
        if answer.status_code != 200:
            assert int(answer.headers["retry-after"]) > 0 and answer.headers["access-control-allow-origin"] == "*"
        return answer.status_code, str(answer.json().get("verdict", answer.json().get("detail")))

    with ThreadPoolExecutor(50) as threads:
        attack = [threads.submit(send, "192.0.2.1", costly) for _ in range(50)]
        for number in range(3):
            assert send(f"198.51.100.{number}", good) == (200, "valid")
            others_are_served(world)
        answers = Counter(each.result() for each in attack)
    assert set(answers) <= {(200, "not-valid"), (200, "could-not-check"), (429, "one-at-a-time")}
    assert answers[429, "one-at-a-time"] > 0
    assert send("192.0.2.1", good) == (200, "valid")
    page = ask.get(f"{world.url}/V/{badge['id'].rpartition('/')[2].removesuffix('.json')}", timeout=GENEROUS)
    assert page.status_code == 200


def test_slow_names_of_one_client_leave_the_urls_of_others(world: VerifierWorld) -> None:
    hold = Event()

    def resolve(host: str, port: int) -> list[str]:
        if host.startswith("slow"):
            hold.wait(GENEROUS)
        return ["127.0.0.1"]  # not public: refused, which shows that its name was looked up

    world.resolve = resolve

    def send(client: str, host: str) -> tuple[int, str]:
        answer = ask.post(
            f"{world.url}/api/v1/verify",
            params={"url": f"http://{host}/badge.json"},
            headers={"x-forwarded-for": client},
            timeout=GENEROUS,
        )
        return answer.status_code, str(answer.json().get("verdict", answer.json().get("detail")))

    try:
        with ThreadPoolExecutor(20) as threads:
            attack = [threads.submit(send, f"192.0.2.{n // 4}", f"slow{n}.example") for n in range(20)]
            assert send("198.51.100.1", "good.example") == (422, "url-refused")
            others_are_served(world)
            answers = Counter(each.result() for each in attack)
        assert set(answers) <= {(200, "could-not-check"), (429, "one-at-a-time")}
        assert send("198.51.100.2", "good.example") == (422, "url-refused")
    finally:
        hold.set()
