"""Whatever is handed in, by upload, form, URL or at the command: a clear verdict or a 4xx, never a 5xx, never valid."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deploy.local.loopback import ask
from deploy.local.ports import free_port
from services.verifier import publication, verification
from shared.credentials.baking import MAX_FILE_BYTES
from tests.corpus.forgeries import FORGERIES
from tests.corpus.make import attached
from tests.worlds.anvil import Anvil, anvil
from tests.worlds.postgres import Databases
from tests.worlds.verifier import VerifierWorld, verifier_world, verify

FILES = sorted((Path(__file__).parent.parent / "corpus" / "files").iterdir())
PRIVATE = [
    "http://127.0.0.1/",
    "http://localhost:8600/status",
    "http://127.1/",
    "http://2130706433/",
    "http://0x7f.0.0.1/",
    "http://0/",
    "http://[::1]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:7f00:1]/",
    "http://[64:ff9b::7f00:1]/",
    "http://[2002:7f00:1::]/",
    "http://[fe80::1%25eth0]/",
    "http://[fd00:ec2::254]/latest/meta-data/",
    "http://10.0.0.1/",
    "http://172.16.0.1/",
    "http://192.168.1.1/",
    "http://100.64.0.1/",
    "http://169.254.169.254/latest/meta-data/",
    "http://168.63.129.16/",
    "http://192.0.0.192/",
    "http://224.0.0.1/",
    "http://255.255.255.255/",
    "http://user:secret@example.com/",
    "http://example.com:22/",
    "http://example.com:6379/",
    "https://example.com:80/",
    "file:///etc/passwd",
    "ftp://example.com/",
    "gopher://example.com/",
    "javascript:alert(1)",
    "data:application/json,{}",
    "http:///x",
    "http://exa mple.com/",
    "http://example.com\\@127.0.0.1/",
    "http://[::1",
    "http://" + "a" * 3000,
    "//127.0.0.1/",
    "x",
]

Document = dict[str, Any]


@pytest.fixture(scope="module")
def chain() -> Iterator[Anvil]:
    with anvil() as made:
        yield made


@pytest.fixture(scope="module")
def world(databases: Databases, chain: Anvil) -> Iterator[VerifierWorld]:
    port = free_port()
    with verifier_world(chain, databases.fresh(), port) as made:
        yield made


@pytest.fixture(scope="module")
def badges(world: VerifierWorld) -> list[Document]:
    """Four good badges of one tree."""
    made = world.anchor(*[world.issue(number) for number in range(1, 5)])
    assert asked(world, json.dumps(made[0]).encode()) == "valid"
    return made


def asked(world: VerifierWorld, content: bytes) -> str:
    """The verdict by the API and by the form, which must agree; the status in digits when there is none."""
    api = ask.post(f"{world.url}/api/v1/verify", content=content, timeout=30)
    form = ask.post(f"{world.url}/verify", files={"file": ("x", content)}, timeout=30)
    assert api.status_code < 500 and form.status_code < 500
    assert api.headers["content-type"].startswith("application/json")
    if api.status_code != 200:
        assert form.status_code == api.status_code
        return str(api.status_code)
    answer = api.json()
    assert answer["checks"] and all(check["got"] and check["expected"] for check in answer["checks"])
    page = form.text.replace("<wbr>", "")
    assert form.status_code == (200 if content else 422)
    assert not content or answer["heading"]["ja"] in page
    assert "有効な証明書です" not in page or answer["verdict"] == "valid"
    return str(answer["verdict"])


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_bad_file_is_not_valid(file: Path, world: VerifierWorld, tmp_path: Path) -> None:
    assert asked(world, file.read_bytes()) == "not-valid"
    code, text = verify(world, tmp_path, str(file))
    assert code == 1 and "有効な証明書です" not in text and "Traceback" not in text


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forged_proof_is_never_valid(name: str, world: VerifierWorld, badges: list[Document], tmp_path: Path) -> None:
    forged = FORGERIES[name](world, badges[0], badges[1])
    chainless = name in ("another chain", "the mainnet", "a chain that nobody knows (mocknet)")
    expected = "could-not-check" if chainless or name == "more transactions than a badge has" else "not-valid"
    content = json.dumps(forged, ensure_ascii=False).encode()
    assert asked(world, content) == expected
    file = tmp_path / "forged.json"
    file.write_bytes(content)
    assert verify(world, tmp_path, str(file))[0] == (1 if expected == "not-valid" else 2)


@pytest.mark.parametrize("url", PRIVATE)
def test_a_url_into_a_private_network_is_refused(url: str, world: VerifierWorld) -> None:
    api = ask.post(f"{world.url}/api/v1/verify", params={"url": url}, timeout=30)
    assert api.status_code == 422 or api.json()["verdict"] == "could-not-check", api.text
    if api.status_code == 422:
        detail, text = ("misspelt", "番号") if url == "x" else ("url-refused", "このURLは確認できません")
        assert api.json()["detail"] == detail and text in api.json()["text"]["ja"]
    form = ask.post(f"{world.url}/verify?lang=ja", data={"url": url}, timeout=30)
    assert form.status_code == 422 if api.status_code == 422 else form.status_code == 200
    assert "有効な証明書です" not in form.text.replace("<wbr>", "")


def test_an_upload_of_50_mb_is_refused_before_its_end(world: VerifierWorld) -> None:
    sent = 0

    def body() -> Iterator[bytes]:
        nonlocal sent
        for _ in range(800):
            sent += 65_536
            yield b"[" * 65_536

    for headers in ({}, {"content-type": "multipart/form-data; boundary=x"}):
        sent = 0
        try:
            answer = ask.post(f"{world.url}/api/v1/verify", content=body(), headers=headers)
            assert answer.status_code in (400, 413)
        except httpx.TransportError:
            pass  # the server has answered and closed before all was sent
        assert sent < 50 * 1024 * 1024
    declared = ask.post(f"{world.url}/verify", content=b"x" * (3 * MAX_FILE_BYTES))
    assert declared.status_code == 413


def test_a_file_of_50_mb_is_refused_by_the_command(world: VerifierWorld, tmp_path: Path) -> None:
    huge = tmp_path / "huge.json"
    with huge.open("wb") as file:
        file.truncate(50 * 1024 * 1024)
    assert verify(world, tmp_path, str(huge))[0] == 1


def _spoiled(content: bytes, draw: random.Random) -> bytes:
    spoiled = bytearray(content)
    for _ in range(draw.randint(1, 4)):
        at = draw.randrange(len(spoiled))
        match draw.randrange(4):
            case 0:
                spoiled[at] = draw.randrange(256)
            case 1:
                del spoiled[at : at + draw.randint(1, 40)]
            case 2:
                spoiled[at:at] = spoiled[at : at + draw.randint(1, 40)]
            case _:
                spoiled[at] ^= 1 << draw.randrange(8)
    return bytes(spoiled)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.randoms(use_true_random=False), form=st.sampled_from(["json", "png", "svg"]))
def test_a_spoiled_file_that_is_valid_says_what_it_said_before(
    seed: random.Random, form: str, world: VerifierWorld, badges: list[Document]
) -> None:
    """What still says valid after that still says the same: the picture was spoiled, or white space, or nothing."""
    badge = badges[0]
    good = json.dumps(badge, ensure_ascii=False).encode()
    if form != "json":
        id = str(badge["id"]).rpartition("/")[2].removesuffix(".json")
        given_out = publication.picture(id, "png" if form == "png" else "svg", world.ports)
        assert isinstance(given_out, bytes)
        good = given_out
    result = verification.check(_spoiled(good, seed), world.ports)
    if result.verdict.kind == "valid":
        assert result.verdict.badge is not None and result.verdict.badge.name == "髙橋 一郎"
        assert result.verdict.badge.registration_number == badge["credentialSubject"]["licenseNumber"]


def test_a_badge_in_a_pdf_is_verified(world: VerifierWorld, badges: list[Document]) -> None:
    good = json.dumps(badges[0], ensure_ascii=False).encode()
    assert asked(world, attached(good)) == "valid"
    assert asked(world, attached(json.dumps({**badges[0], "name": "偽"}).encode())) == "not-valid"
    answer = ask.post(f"{world.url}/api/v1/verify", content=attached(b"")).json()
    assert "scan the QR code" in answer["checks"][0]["got"] and "QR" in answer["next"]["ja"]
