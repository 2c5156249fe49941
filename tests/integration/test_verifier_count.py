"""The public count over HTTP and at a terminal, on a real chain: documents, pages, `akashi statement verify`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # it brings no types

from deploy.local.loopback import ask
from deploy.local.ports import free_port
from services.verifier.cli import command as verify_command
from services.verifier.commands.statement import command as statement_command
from shared import object_keys
from tests.worlds.anvil import Anvil, anvil
from tests.worlds.count_site import show
from tests.worlds.counts import CountWorld, sound_world
from tests.worlds.postgres import Databases
from tests.worlds.verifier import VerifierWorld, terminal_settings, verifier_world


@pytest.fixture(scope="module")
def chain() -> Iterator[Anvil]:
    with anvil() as made:
        yield made


@pytest.fixture(scope="module")
def site(databases: Databases, chain: Anvil) -> Iterator[VerifierWorld]:
    port = free_port()
    with verifier_world(chain, databases.fresh(), port) as made:
        yield made


@pytest.fixture
def counts(site: VerifierWorld) -> CountWorld:
    """A sound count on the site, its roots on chain; the newest statements are not recorded yet."""
    made = sound_world(site.url)
    show(site, made)
    return made


def terminal(site: VerifierWorld, folder: Path, *arguments: str, moment: str) -> tuple[int, str]:
    command = statement_command if arguments[0] == "verify" and arguments[1].isdigit() else verify_command
    given = arguments if command is statement_command else arguments[1:]
    result = CliRunner().invoke(command, list(given), env=terminal_settings(site, folder, moment))
    return result.exit_code, result.output


def test_the_newest_statement_and_all_before_it_are_served(site: VerifierWorld, counts: CountWorld) -> None:
    newest = ask.get(f"{site.url}/statements/2026.json")
    assert newest.content == counts.kept[object_keys.statement("2026", 3)]
    assert ask.get(f"{site.url}/statements/index.json").json() == {"cohorts": {"2025": 2, "2026": 3}}
    for key in (
        object_keys.statement("2026", 1),
        object_keys.stated_leaves("2026", 2),
        *(object_keys.batch_manifest(root) for root in counts.roots),
    ):
        found = ask.get(f"{site.url}/{key}")
        assert (found.status_code, found.content) == (200, counts.kept[key])
        assert found.headers["access-control-allow-origin"] == "*"
    again = ask.get(f"{site.url}/statements/2026.json", headers={"if-none-match": newest.headers["etag"]})
    assert again.status_code == 304


@pytest.mark.parametrize(
    "path",
    [
        "statements/2027.json",
        "statements/2026/4.json",
        "statements/2026/0.json",
        "statements/2026/01.json",
        "statements/20x6.json",
        "statements/2026/1.leaves.leaves.json",
        "statements/..%2F..%2Fissuer%2Fdid.json",
        "batches/" + "0" * 64 + ".json",
        "batches/ABC.json",
        "statements/1999",
        "statements/2026/9",
    ],
)
def test_what_is_not_there_is_not_found(site: VerifierWorld, counts: CountWorld, path: str) -> None:
    assert ask.get(f"{site.url}/{path}").status_code == 404


@pytest.mark.parametrize("language, words", [("ja", "発行 有効 取消 訂正 記録済み"), ("en", "Issued Valid Recorded")])
def test_the_page_shows_the_figures_in_both_languages(
    site: VerifierWorld, counts: CountWorld, language: str, words: str
) -> None:
    page = ask.get(f"{site.url}/statements/2026?lang={language}").text.replace("<wbr>", "")
    for text in (
        *words.split(),
        "<td>65</td>",
        "<td>62</td>",
        "<td>2</td>",
        "<td>1</td>",
        "<td>48</td>",
        "/statements/2026/2",
    ):
        assert text in page
    assert "akashi statement verify 2026" in page
    assert "/statements/2025" in ask.get(f"{site.url}/statements?lang={language}").text
    former = ask.get(f"{site.url}/statements/2026/1?lang={language}").text
    assert "/statements/2026" in former and "<td>54</td>" in former


def test_a_statement_that_is_handed_in_is_checked(site: VerifierWorld, counts: CountWorld) -> None:
    whole = counts.kept[object_keys.statement("2026", 1)]
    for body, shape in (
        (whole, "ok"),
        (whole.replace(b'"issued":54,"valid":54', b'"issued":55,"valid":55', 1), "no"),
        (whole.replace(b'"valid":54', b'"valid":53', 1), "no"),
    ):
        answer = ask.post(f"{site.url}/verify", files={"file": ("statement.json", body)})
        assert answer.status_code == 200
        assert f"verdict--{shape}" in answer.text
        assert ('<li class="no">' in answer.text) == (shape == "no")


def test_the_api_answers_for_a_statement_as_it_is_described(site: VerifierWorld, counts: CountWorld) -> None:
    described = ask.get(f"{site.url}/api/v1/openapi.json").json()
    told = described["paths"]["/api/v1/verify"]["post"]["responses"]["200"]["content"]["application/json"]["schema"]
    whole = counts.kept[object_keys.statement("2026", 1)]
    for body, verdict, issued in (
        (whole, "right", 54),
        (whole.replace(b'"issued":54,"valid":54', b'"issued":55,"valid":55', 1), "not-right", None),
    ):
        answer = ask.post(f"{site.url}/api/v1/verify", content=body).raise_for_status().json()
        Draft202012Validator({**told, "components": described["components"]}).validate(answer)
        assert (answer["document"], answer["verdict"], len(answer["checks"])) == ("count", verdict, 9)
        assert (answer["figures"] or {}).get("issued") == issued


def test_the_terminal_says_the_same(site: VerifierWorld, counts: CountWorld, tmp_path: Path) -> None:
    moment = counts.now.isoformat()
    code, said = terminal(site, tmp_path, "verify", "2026", moment=moment)
    assert (code, "ここまでは記録と一致しています" in said) == (0, True)
    counts.anchor()
    show(site, counts)
    code, said = terminal(site, tmp_path, "verify", "2026", "--json", moment=moment)
    answer = json.loads(said[said.index("{\n") :])
    assert (code, answer["verdict"], answer["figures"]["issued"]) == (0, "right", 65)
    assert [check["outcome"] for check in answer["checks"]] == ["ok"] * 9
    file = tmp_path / "statement.json"
    whole = counts.kept[object_keys.statement("2026", 2)]
    for body, expected in ((whole, 0), (whole.replace(b'"issued":54', b'"issued":53', 1), 1), (whole[:-2], 1)):
        file.write_bytes(body)
        assert terminal(site, tmp_path, "verify", str(file), moment=moment)[0] == expected
    assert terminal(site, tmp_path, "verify", "2026", "--number", "2", moment=moment)[0] == 0
    code, said = terminal(site, tmp_path, "verify", "2024", moment=moment)
    assert (code, "取り寄せられませんでした" in said) == (2, True)
    del site.shelf.kept[object_keys.statement("2026", 2)]
    code, said = terminal(site, tmp_path, "verify", "2026", moment=moment)
    assert (code, "除かれたおそれがあります" in said) == (1, True)
