"""Stacks for the tests: started only when a test asks for one, on free ports, in a temporary AKASHI_HOME."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deploy.local.ports import free_base
from deploy.local.stack import Stack


@pytest.fixture(scope="session")
def new_home(request: pytest.FixtureRequest) -> Iterator[Callable[[str], Path]]:
    """Names folders for stacks. They stay, for their logs, when a test of the session failed.

    They are not pytest's own: run as root, every other session closes those to all users, PostgreSQL's among them.
    """
    root = Path(tempfile.mkdtemp(prefix="akashi-test-"))
    yield lambda name: Path(tempfile.mkdtemp(prefix=f"{name}-", dir=root))
    if request.session.testsfailed:
        print(f"\nThe stacks' logs are in {root}", file=sys.stderr)
    else:
        shutil.rmtree(root)


@pytest.fixture(scope="session")
def stack(new_home: Callable[[str], Path]) -> Iterator[Stack]:
    """Parts and services, one for the whole session. Who harms it mends it, or the next test pays."""
    with Stack(new_home("stack"), free_base()) as running:
        yield running


@pytest.fixture(scope="session")
def parts(new_home: Callable[[str], Path]) -> Iterator[Stack]:
    """Kafka, PostgreSQL, S3, chain and mail without any service; topics, schemas and contract are there."""
    with Stack(new_home("parts"), free_base(), services=()) as running:
        yield running
