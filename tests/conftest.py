"""Stacks for the tests: started only when a test asks for one, on free ports, in a temporary AKASHI_HOME."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from deploy.local.ports import free_base
from deploy.local.stack import Stack


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Parts and services, one for the whole session. Who harms it mends it, or the next test pays."""
    with Stack(tmp_path_factory.mktemp("stack"), free_base()) as running:
        yield running


@pytest.fixture(scope="session")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Kafka, PostgreSQL, S3, chain and mail without any service; topics, schemas and contract are there."""
    with Stack(tmp_path_factory.mktemp("parts"), free_base(), services=()) as running:
        yield running
