"""Fixtures of the tests of ops: its store, and ports that are empty at each test. A pytest plugin."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from services.ops.ports import Ports
from services.ops.sources.lag import LagMeter
from services.ops.store.events import Store
from tests.worlds.cohorts import NOON
from tests.worlds.ops import NoBroker, empty, ops_store


@pytest.fixture(scope="module")
def store() -> Iterator[Store]:
    with ops_store(lambda: NOON) as store:
        yield store


@pytest.fixture
def ports(store: Store) -> Ports:
    empty(store)
    return Ports(store=store, lag=LagMeter(NoBroker()), now=lambda: NOON)
