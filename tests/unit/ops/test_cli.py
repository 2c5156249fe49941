from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.metadata import EntryPoint
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from services.ops import cli
from services.ops.board.counts import Stage
from services.ops.cli import main
from shared.errors import TryLater
from tests.worlds.socket_server import running

STATUS: dict[str, Any] = {
    "at": "2026-04-01T03:00:00Z",
    "cohort": {"id": "2026", "held": 2, "released": 0, "revoked": 0, **{stage.word: 3 for stage in Stage}},
    "cohorts": ["2026"],
    "matches": True,
    "held_by_reason": {"shared-address": 2},
    "people_missing": {},
    "revoked": {"count": 0, "people": []},
    "rejected": 1,
    "dead_letters": 0,
    "letters": {"queued": 0, "sent": 6, "deferred": 1, "bounced": 0, "suppressed": 0, "cancelled": 0},
    "lag": {"issuer": 4, "mailer": None},
    "lag_unknown": {"mailer": "not measured yet"},
    "unplaced": 0,
    "stuck_by_reason": {"issuance-refused": 7},
    "scrubs": [],
    "services": {
        "issuer": {
            "outbox_rows": 0,
            "outbox_seconds": 0.0,
            "refused_rows": 0,
            "gaps": {"registration.renewed": 30},
            "open_breakers": [],
            "failing_ticks": {},
            "aside": {},
            "waiting": [],
            "recalled": 0,
            "chain_warnings": 0,
            "unproved": 0,
            "waiting_leaves": 0,
            "waiting_seconds": 0,
            "networks": {},
            "storage_errors": 0,
            "unread": {},
            "unknown": None,
        }
    },
    "restores": [
        {
            "id": "wallet-20260401T030000.000000Z",
            "service": "wallet",
            "at": "2026-04-01T03:00:00Z",
            "recalled": {"BadgeReceived": 2},
            "read_again": 5,
            "gone": 0,
            "storage": {},
            "replaced": True,
            "by": None,
            "why": None,
            "seen_at": None,
        }
    ],
    "pace": {"issued": {"per_minute": 12.5, "expected_at": "2026-04-01T04:10:00Z"}},
    "letters_by_domain": [{"domain": "docomo.ne.jp", "counts": {"deferred": 2}, "answer": "451 4.7.1 try again"}],
    "cohorts_held": [
        {
            "cohort": "2026",
            "qualification": None,
            "since": "2026-03-31T09:00:00Z",
            "by": "佐藤",
            "why": "様式の確認",
            "decision_id": "hold-cohort/2026/1",
            "resumed": [],
        }
    ],
    "statements": [],
    "uncounted": 0,
}
PERSON = {
    "registration_id": "R1",
    "state": "held",
    "reason": "shared-address",
    "assertion_id": None,
    "name": "見本 太郎",
    "qualification": "gishi",
    "cohort": "2026",
    "since": None,
}


@contextmanager
def answering(status: int, body: Any, to_orders: Any = None) -> Iterator[str]:
    """A server that gives the same answer to everything; `to_orders`: another one to what is posted."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.answer(body)

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("content-length") or 0))
            self.answer(body if to_orders is None else to_orders)

        def answer(self, said: Any) -> None:
            content = json.dumps(said).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:
            return

    with running(HTTPServer(("127.0.0.1", 0), Handler)) as server:
        yield f"http://127.0.0.1:{server.server_port}"


def run(*words: str, **environment: str) -> Result:
    return CliRunner().invoke(main, words, env=environment)


def test_an_unreachable_ops_ends_in_one_line_with_the_next_step_and_code_2() -> None:
    result = run("status", OPS_URL="http://127.0.0.1:1")
    assert result.exit_code == 2
    assert "OPS_URL" in result.stderr and result.stderr.count("\n") == 1


def test_an_impossible_setting_is_named_with_code_2() -> None:
    result = run("status", AKASHI_PORT_BASE="many")
    assert result.exit_code == 2 and "AKASHI_PORT_BASE" in result.stderr


def test_an_answer_of_another_server_ends_with_code_2() -> None:
    with answering(200, {"hello": "world"}) as url:
        assert run("status", "--json", OPS_URL=url).exit_code == 2


def test_a_refusal_of_ops_is_printed_with_code_1() -> None:
    with answering(409, {"detail": "this dead letter was replayed by office"}) as url:
        result = run("dead-letters", "discard", "x", "--reason", "y", OPS_URL=url)
    assert result.exit_code == 1 and "replayed by office" in result.stderr


def test_the_json_of_a_status_is_what_ops_said() -> None:
    with answering(200, STATUS) as url:
        assert json.loads(run("status", "--json", OPS_URL=url).stdout) == STATUS


def test_the_table_of_a_status_shows_counts_holds_and_what_is_unknown() -> None:
    with answering(200, STATUS) as url:
        shown = run("status", OPS_URL=url).stdout
    for text in (
        "passwords",
        "akashi restores",
        "cohort held  2026  2026-03-31 18:00  佐藤: 様式の確認",
        "eligible",
        "shared-address",
        "rejected",
        "deferred 1",
        "issuer 4",
        "mailer",
        "akashi rebuild issuer",
    ):
        assert text in shown
    assert "issuance-refused" in shown and "訂正するか" in shown


def test_people_are_one_line_each_in_both_forms() -> None:
    with answering(200, [PERSON, PERSON]) as url:
        plain = run("people", OPS_URL=url).stdout.splitlines()
        lines = run("people", "--json", OPS_URL=url).stdout.splitlines()
    assert plain == ["R1\theld\tshared-address\t-"] * 2
    assert [json.loads(line)["registration_id"] for line in lines] == ["R1", "R1"]


@pytest.mark.parametrize(
    ("cause", "chosen"),
    [
        ("KeyError", ["1", "2"]),
        ("KeyError('x')", ["1", "2"]),
        ("KeyErrorOfOurs", ["3"]),
        ("Key", []),
        ("TooLarge", ["4"]),
    ],
)
def test_all_dead_letters_of_a_cause_are_those_of_its_kind_as_on_the_page(cause: str, chosen: list[str]) -> None:
    causes = ["KeyError('gishi')", "KeyError: x", "KeyErrorOfOurs: y", "TooLarge: got 1000001 bytes"]
    letters = [
        {
            "id": str(number),
            "topic": "assertion.issued",
            "partition": 0,
            "offset": number,
            "consumer": "mailer",
            "cause": each,
            "at": "2026-04-01T03:00:00Z",
            "state": "open",
            "by": None,
            "why": None,
        }
        for number, each in enumerate(causes, 1)
    ]
    with answering(200, letters, to_orders={}) as url:
        shown = run("dead-letters", "replay", "--all", "--cause", cause, OPS_URL=url).stdout.splitlines()
    assert [line.split()[-1] for line in shown] == chosen


def test_discard_is_refused_without_a_reason_or_an_id() -> None:
    assert run("dead-letters", "discard", "x").exit_code == 2
    assert run("dead-letters", "discard", "--reason", "y").exit_code == 2


def test_the_other_commands_work_when_a_part_cannot_be_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = EntryPoint("broken", "services.ops.nowhere:command", "akashi.commands")
    whole = EntryPoint("whole", f"{__name__}:whole", "akashi.commands")
    monkeypatch.setattr(cli, "entry_points", lambda group: [broken, whole])
    shown = CliRunner().invoke(cli.akashi(), ["--help"])
    assert shown.exit_code == 0 and "status" in shown.stdout and "whole" in shown.stdout
    assert CliRunner().invoke(cli.akashi(), ["whole"]).stdout == "as it should\n"
    failed = CliRunner().invoke(cli.akashi(), ["broken", "--any", "thing"])
    assert failed.exit_code == 2 and "nowhere" in failed.stderr


@click.command()
def whole() -> None:
    click.echo("as it should")


RESTORE = STATUS["restores"][0]
SEEN = {**RESTORE, "by": "事務局", "why": "案内した", "seen_at": "2026-04-02T00:00:00Z"}


def test_a_restore_nobody_has_looked_at_is_shown_with_what_to_do_and_code_1() -> None:
    with answering(200, [RESTORE]) as url:
        result = run("restores", OPS_URL=url)
        as_json = run("restores", "--json", OPS_URL=url)
    assert result.exit_code == 1 and as_json.exit_code == 1
    assert result.stdout.startswith(f"{RESTORE['id']}\twallet\t2026-04-01T03:00:00Z\t2\t5\t-\n")
    assert "passwords" in result.stdout and "letter 1" in result.stdout
    assert json.loads(as_json.stdout) == RESTORE


def test_nothing_is_left_to_look_at_with_code_0() -> None:
    with answering(200, []) as url:
        assert run("restores", OPS_URL=url).exit_code == 0
    with answering(200, [SEEN]) as url:
        shown = run("restores", "--seen", str(SEEN["id"]), "--why", "案内した", OPS_URL=url)
    assert shown.exit_code == 0 and "事務局" in shown.stdout


def test_a_restore_is_not_acknowledged_without_a_reason() -> None:
    with answering(200, [RESTORE]) as url:
        assert run("restores", "--seen", "x", OPS_URL=url).exit_code == 2
        assert run("restores", "--seen", "x", "--all-seen", "--why", "y", OPS_URL=url).exit_code == 2


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("statsu", "status"),
        ("peoples", "people"),
        ("decision", "decisions"),
        ("verfiy", "verify"),
        ("deadletters", "dead-letters"),
    ],
)
def test_a_misspelt_command_is_answered_with_the_one_that_was_meant(typed: str, meant: str) -> None:
    result = run(typed)
    assert result.exit_code == 2 and "Traceback" not in result.output
    assert f"もしかして：{meant}" in result.stderr and f"Did you mean {meant}" in result.stderr


def test_what_is_like_no_command_is_answered_with_where_the_list_is() -> None:
    result = run("zzzzzz")
    assert result.exit_code == 2 and "もしかして" not in result.stderr and "akashi --help" in result.stderr


def test_an_error_of_ours_in_any_command_is_a_sentence() -> None:
    @click.command("broken")
    def broken() -> None:
        raise TryLater("got no answer of the storage, expected one; try again")

    group = cli.akashi()
    group.add_command(broken)
    result = CliRunner().invoke(group, ["broken"])
    assert result.exit_code == 1 and "got no answer of the storage" in result.stderr
    assert isinstance(result.exception, SystemExit)


@pytest.mark.parametrize("words", [("people",), ("decisions",), ("decisions", "R1"), ("rejected", "list")])
def test_nothing_found_is_said_and_not_left_blank(words: tuple[str, ...]) -> None:
    with answering(200, []) as url:
        result = run(*words, OPS_URL=url)
    assert result.stdout == "" and result.stderr.strip() and result.exit_code == (1 if "R1" in words else 0)


@pytest.mark.parametrize("words", [("status", "--cohort", "1999"), ("people", "--cohort", "1999")])
def test_an_unknown_cohort_is_named_with_those_there_are(words: tuple[str, ...]) -> None:
    with answering(404, {"detail": "got cohort '1999', expected one of: 2026"}) as url:
        result = run(*words, OPS_URL=url)
    assert result.exit_code == 1 and "expected one of: 2026" in result.stderr


def test_rejected_rows_are_listed_in_words_and_dismissed_with_a_reason_only() -> None:
    problem = {"rejection_id": "a", "field": "kind", "expected": "新規 or 更新", "got": "x"}
    row = {
        "id": "a",
        "source": "登録者.csv",
        "row_number": 7,
        "noted_at": "2026-04-01T03:00:00Z",
        "problems": [problem],
    }
    with answering(200, [row]) as url:
        shown = run("rejected", "list", OPS_URL=url).stdout
        assert json.loads(run("rejected", "list", "--json", OPS_URL=url).stdout)["id"] == "a"
    assert shown.startswith(
        "a\t登録者.csv\t7\t区分 kind: 新規か更新のどちらかではありません。 / neither new nor renewal"
    )
    assert run("rejected", "dismiss", "a").exit_code == 2
    assert run("rejected", "dismiss", "a", "--all", "--reason", "x").exit_code == 2
    assert run("rejected", "dismiss", "--reason", "x").exit_code == 2
    with answering(200, {"dismissed": 3}) as url:
        done = run("rejected", "dismiss", "--source", "登録者.csv", "--reason", "直した", OPS_URL=url)
    assert done.exit_code == 0 and "3" in done.stdout


OFFICE = [
    ("rejected",),
    ("rejected", "dismiss"),
    ("revoke",),
    ("erase",),
    ("correct",),
    ("resume",),
    ("undo",),
    ("reissue",),
    ("decisions",),
    ("rebuild",),
]


@pytest.mark.parametrize(
    "words",
    [(), ("status",), ("people",), ("dead-letters",), ("dead-letters", "replay"), *OFFICE],
)
def test_every_command_explains_itself_in_both_languages(words: tuple[str, ...]) -> None:
    result = run(*words, "--help")
    assert result.exit_code == 0
    assert not result.stdout.isascii() and "the" in result.stdout
