"""A badge's number and address as they are copied: on the pages, in the form, by the API and at the command."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from deploy.local.loopback import ask
from deploy.local.ports import free_port
from tests.worlds.anvil import Anvil, anvil
from tests.worlds.postgres import Databases
from tests.worlds.verifier import VerifierWorld, verifier_world, verify

BEHIND = [
    "。",
    ")",
    "」",
    ".",
    "\u200b",
    "\u00ad",
    "…",
    "！",
    ">",
    '"',
    "'",
    "、次に",
    "。\u200b）",
    "%E3%80%82",
    "/",
]


@pytest.fixture(scope="module")
def chain() -> Iterator[Anvil]:
    with anvil() as made:
        yield made


@pytest.fixture(scope="module")
def world(databases: Databases, chain: Anvil) -> Iterator[VerifierWorld]:
    with verifier_world(chain, databases.fresh(), free_port()) as made:
        yield made


@pytest.fixture(scope="module")
def id(world: VerifierWorld) -> str:
    [badge] = world.anchor(world.issue())
    return str(badge["id"]).rpartition("/")[2].removesuffix(".json")


def wide(text: str) -> str:
    return "".join(chr(ord(each) + 0xFEE0) for each in text)


@pytest.mark.parametrize("junk", BEHIND)
def test_the_page_is_found_with_whatever_stands_around_its_number(world: VerifierWorld, id: str, junk: str) -> None:
    page = f"/V/{id}"
    for path in (f"{id}{quote(junk)}", f"{quote(quote(junk))}{id}", f"{wide(id.lower())}{quote(junk)}"):
        answer = ask.get(f"{world.url}/V/{path}?lang=en")
        assert answer.status_code == 308 and answer.headers["location"].removeprefix(world.url) == f"{page}?lang=en", (
            path
        )
    if junk != "/":
        document = ask.get(f"{world.url}/credentials/{id}.json{quote(junk)}")
        assert document.status_code == 308 and document.headers["location"] == f"/credentials/{id}.json"


@pytest.mark.parametrize("junk", BEHIND)
def test_form_api_and_command_find_it_too(world: VerifierWorld, id: str, junk: str, tmp_path: Path) -> None:
    for text in (f"{world.url}/V/{id}{junk}", f"「{id}{junk}」", f"証明書は {world.url}/v/{id.lower()}{junk} です。"):
        page = ask.post(f"{world.url}/verify?lang=ja", data={"url": text}).text
        assert "有効な証明書です" in page.replace("<wbr>", ""), text
        assert ask.post(f"{world.url}/api/v1/verify", params={"url": text}).json()["verdict"] == "valid", text
        assert ask.get(f"{world.url}/api/v1/verify", params={"id": text}).json()["verdict"] == "valid", text
    assert verify(world, tmp_path, f"{world.url}/V/{id}{junk}")[0] == 0


def test_a_number_is_found_in_full_width_letters_and_broken_lines(
    world: VerifierWorld, id: str, tmp_path: Path
) -> None:
    for text in (wide(id), f"{id[:9]}\n{id[9:]}", f"{world.url}/V/{id[:9]}=\r\n{id[9:]}", wide(f"{world.url}/V/{id}")):
        assert ask.post(f"{world.url}/api/v1/verify", params={"url": text}).json()["verdict"] == "valid", text
        code, said = verify(world, tmp_path, text, "--json")
        assert code == 0 and json.loads(said)["facts"]["id"] == f"{world.url}/credentials/{id}.json"


@pytest.mark.parametrize("number", ["x", "A" * 25, "A" * 27, "A" * 25 + "1", "。", "A" * 26 + "." + "B" * 26, ""])
def test_what_is_no_number_is_called_misspelt_and_not_unissued(world: VerifierWorld, number: str) -> None:
    page = ask.get(f"{world.url}/V/{quote(number)}?lang=ja", follow_redirects=True)
    text = page.text.replace("<wbr>", "")
    assert page.status_code == 404 and "番号が正しくありません" in text and "発行されていません" not in text
    answer = ask.get(f"{world.url}/api/v1/verify", params={"id": number})
    assert answer.status_code == 422 and answer.json()["detail"] == "misspelt"
    if number:
        form = ask.post(f"{world.url}/verify?lang=ja", data={"url": number})
        assert form.status_code == 422 and "番号が正しくありません" in form.text.replace("<wbr>", "")


def test_a_number_that_was_never_issued_is_called_so(world: VerifierWorld) -> None:
    page = ask.get(f"{world.url}/V/{'A' * 26}?lang=ja")
    assert page.status_code == 404 and "発行されていません" in page.text.replace("<wbr>", "")
    assert ask.get(f"{world.url}/api/v1/verify", params={"id": "A" * 26}).status_code == 404


@pytest.mark.parametrize("before", ["http://other.example", "https://localhost.example", "other.example", "other:80"])
def test_a_number_in_the_address_of_another_site_is_not_ours(world: VerifierWorld, id: str, before: str) -> None:
    answer = ask.post(f"{world.url}/api/v1/verify", params={"url": f"{before}/V/{id}"}, timeout=30)
    assert answer.status_code == 422 or answer.json()["verdict"] == "could-not-check"
    assert ask.get(f"{world.url}/api/v1/verify", params={"id": f"{before}/V/{id}"}).status_code == 422
