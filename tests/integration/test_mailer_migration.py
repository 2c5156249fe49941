"""The mailer's schema, migrated with its rows."""

from __future__ import annotations

from pathlib import Path

import psycopg

from services.mailer.store.ledger import MailerTransaction, Store
from shared.runtime.migrate import migrate
from tests.worlds.mailer import APRIL_1
from tests.worlds.postgres import Databases
from tests.worlds.records import ROOT

_FOLDER = ROOT / "services" / "mailer" / "migrations"
_HOLDER = "insert into holders (assertion_id, email, version) values ('A', 'a@Docomo.NE.jp', 1), ('B', 'b@au.com', 1)"
_REQUEST = "insert into requests (request_id, letter_id, recipient) values ('Q', 'L-1', 'q@example.jp')"
_MESSAGES = (
    "insert into messages (assertion_id, request_id, letter, state, message, next_try_at, settled_at, written_at,"
    " created_at) values ('A', null, 'award', 'queued', 'bytes', now(), null, now(), now()),"
    " (null, 'Q', 'new-link', 'deferred', 'bytes', now(), null, now(), now()),"
    " ('B', null, 'award', 'sent', 'bytes', null, now(), now(), now())"
)


def test_letters_that_wait_know_their_domain_after_the_migration(databases: Databases, tmp_path: Path) -> None:
    url = databases.fresh()
    for path in sorted(_FOLDER.glob("[0-9]*.py")):
        (tmp_path / path.name).symlink_to(path)
        if path.name.startswith("0011"):
            migrate(url, "mailer", tmp_path)
            with psycopg.connect(url) as connection:
                for statement in (_HOLDER, _REQUEST, _MESSAGES):
                    connection.execute(statement)
    migrate(url, "mailer", tmp_path)
    with psycopg.connect(url) as connection:
        found = connection.execute("select id, domain from messages where state <> 'sent' order by id").fetchall()
    assert found == [("award.A", "docomo.ne.jp"), ("new-link.Q", "example.jp")]


def test_the_bytes_of_a_letter_are_stored_as_they_are(databases: Databases) -> None:
    """Unlike those of another column, which the server compresses."""
    url = databases.fresh()
    migrate(url, "mailer", _FOLDER)
    with psycopg.connect(url) as connection:
        connection.execute("insert into holders (assertion_id, family_name) values ('A', repeat('Zm9v', 5000))")
        connection.execute(
            "insert into messages (assertion_id, letter, state, message, next_try_at, written_at, created_at)"
            " values ('A', 'award', 'queued', repeat('Zm9v', 5000)::bytea, now(), now(), now())"
        )
        stored = "select pg_column_size(message), pg_column_size(family_name) < 2000 from messages join holders"
        assert connection.execute(f"{stored} using (assertion_id)").fetchone() == (20000, True)


def test_a_letter_whose_bytes_the_release_before_wrote_leaves_though_all_others_wait_for_their_domain(
    databases: Databases,
) -> None:
    """That release writes no domain."""
    url = databases.fresh()
    migrate(url, "mailer", _FOLDER)
    with psycopg.connect(url) as connection:
        for number in range(100):
            connection.execute(
                "insert into holders (assertion_id, email, version) values (%s, 'a@docomo.ne.jp', 1)", (f"A{number}",)
            )
        connection.execute("update holders set email = 'late@example.jp' where assertion_id = 'A99'")
        connection.execute(
            "insert into messages (assertion_id, letter, state, message, domain, next_try_at, written_at, created_at)"
            " select assertion_id, 'award', 'queued', 'bytes', 'docomo.ne.jp', %(now)s, %(now)s, %(now)s from holders",
            {"now": APRIL_1},
        )
        connection.execute(
            "update messages set domain = default, next_try_at = next_try_at + interval '1 second'"
            " where assertion_id = 'A99'"
        )
    store = Store(url, "mailer", MailerTransaction, lambda: APRIL_1)
    now = APRIL_1.replace(minute=1)
    with store.transaction() as tx:
        assert [each.subject for each in tx.to_send(now, 4, "this", [], ["docomo.ne.jp"])] == ["A99"]
        assert tx.to_send(now, 4, "this", [], ["docomo.ne.jp", "example.jp"]) == []
    store.close()
