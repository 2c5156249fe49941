"""Issuers for the tests: one database server and one object storage for all, an empty schema and bucket for each."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from services.issuer.domain import publication
from tests.worlds.issuer import World
from tests.worlds.postgres import Databases, postgres
from tests.worlds.s3_server import Buckets, storage


@pytest.fixture(scope="session")
def issuer_servers() -> Iterator[tuple[Databases, Buckets]]:
    with postgres() as databases, storage() as buckets:
        yield databases, buckets


@pytest.fixture(scope="session")
def pictures_drawn_once() -> Iterator[None]:
    """Each issuer draws on its empty schema: half a second of CPU for a picture that the same arguments always give.

    That they give the same bytes is tested in tests/unit/issuer/test_badge_art.py, without this.
    """
    with pytest.MonkeyPatch.context() as patch:
        for name in ("badge_png", "badge_svg", "society_png"):
            patch.setattr(publication, name, _remembered(getattr(publication, name)))
        yield


def _remembered(draw: Callable[..., bytes]) -> Callable[..., bytes]:
    drawn: dict[str, bytes] = {}

    def once(*arguments: object) -> bytes:
        key = repr(arguments)  # a programme holds dictionaries: it has no hash
        if key not in drawn:
            drawn[key] = draw(*arguments)
        return drawn[key]

    return once


@pytest.fixture
def world(issuer_servers: tuple[Databases, Buckets], pictures_drawn_once: None) -> Iterator[World]:
    databases, buckets = issuer_servers
    made = World(databases.fresh(), buckets.fresh())
    yield made
    made.ports.store.close()
