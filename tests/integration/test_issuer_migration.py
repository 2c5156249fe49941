"""The schema of the first release, migrated with its rows."""

from __future__ import annotations

from pathlib import Path
from shutil import copy

import psycopg

from services.issuer import handlers
from shared.events import AssertionRevoked
from shared.runtime.migrate import migrate
from tests.worlds.credentials import ROOT, renewed
from tests.worlds.issuer import World, id_of, order
from tests.worlds.postgres import Databases
from tests.worlds.s3_server import Buckets

_FOLDER = ROOT / "services" / "issuer" / "migrations"


def test_what_the_first_release_has_issued_and_revoked_stays_so(
    issuer_servers: tuple[Databases, Buckets], tmp_path: Path
) -> None:
    databases, buckets = issuer_servers
    url = databases.fresh()
    copy(_FOLDER / "0001_initial.py", tmp_path)
    migrate(url, "issuer", tmp_path)
    with psycopg.connect(url) as connection:
        connection.execute("insert into status_entries values (1, 7, null), (1, 9, '2026-04-02T00:00:00Z')")
        connection.execute(
            "insert into assertions (assertion_id, registration_id, cohort, qualification, status_list, status_index,"
            " leaf, credential, announcement, issued_at, state, next_try_at) values"
            " (%s, 'R-00001', '2026', 'gishi', 1, 7, '', '', '', now(), 'stored', now()),"
            " (%s, 'R-00002', '2026', 'gishi', 1, 9, '', '', '', now(), 'stored', now())",
            (id_of(1), id_of(2)),
        )
        connection.execute("insert into documents values ('badges/gishi/2026', '', 0, now())")
        connection.execute("insert into signing_keys values ('z6MkFormer', '2026-04-01T00:00:00Z')")
    world = World(url, buckets.fresh())
    try:
        with world.ports.store.transaction() as tx:
            assert tx.listed_keys() == ["z6MkFormer"]
            tx.list_keys([world.ports.sources.key.public], world.now)  # as its publish does
        handlers.begin(world.ports)
        world.issue(renewed(1), renewed(2), renewed(3))
        world.decide(order(id_of(1)), order(id_of(2)))
        world.publish()
        assert world.rows("select count(*) from assertions") == [(3,)]
        assert [each.assertion_id for each in world.announced(AssertionRevoked)] == [id_of(1)]
        assert world.published_bits() == {7, 9}
        assert world.rows("select last_error from documents where last_error is not null") == []
    finally:
        world.ports.store.close()
