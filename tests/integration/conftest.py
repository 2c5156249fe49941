"""Issuers for the tests: one database server and one object storage for all, an empty schema and bucket for each."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.worlds.issuer import World
from tests.worlds.postgres import Databases, postgres
from tests.worlds.storage import Buckets, storage


@pytest.fixture(scope="session")
def issuer_servers() -> Iterator[tuple[Databases, Buckets]]:
    with postgres() as databases, storage() as buckets:
        yield databases, buckets


@pytest.fixture
def world(issuer_servers: tuple[Databases, Buckets]) -> Iterator[World]:
    databases, buckets = issuer_servers
    made = World(databases.fresh(), buckets.fresh())
    yield made
    made.ports.store.close()
