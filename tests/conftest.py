"""Stacks for the tests, started only when a test asks for one, on free ports, in a temporary AKASHI_HOME; and which
tests run side by side (docs/testing.md)."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from deploy.local.ports import free_base
from deploy.local.stack import Stack
from tests.worlds.postgres import Databases, postgres, stop_postgres

settings.register_profile("akashi", deadline=None)  # no test asserts a duration: the machine may be busy
settings.load_profile("akashi")

ORDER = (
    "tests/e2e/test_issuance_cycle.py",  # counts a cohort that nobody else has joined
    "tests/e2e/test_undone.py",  # takes back all badges: while they are few
    "tests/e2e/test_stuck.py",  # waits until all counts match: before those that leave dead letters and people half way
    "tests/e2e/test_killed_service.py",
    "tests/e2e/test_anchor_faults.py",
    "tests/e2e/test_lost_and_rebuilt.py",
    "tests/e2e/test_restored.py",
    "tests/e2e/test_scrubbed.py",
    "tests/e2e/test_database_refuses.py",
    "tests/e2e/test_wrong_clock.py",
    "tests/e2e",
    "tests/integration/test_outside_changes.py",
    "tests/integration/test_stack.py",
    "tests/integration/test_iss",
    "tests/integration/test_anchor",
    "tests/browser",
    "tests/integration",
    "tests/unit/verifier",
    "tests/unit/renderer",
    "tests/unit",
)
"""Beginnings of paths. What takes minutes starts first, so that the workers end at about the same time."""

SHARED = ("stack", "parts")
"""Fixtures that take a gigabyte each: the files with a test that asks for one of them stay together on one worker."""


@pytest.hookimpl(tryfirst=True)  # before xdist, which hands the groups on
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=_place)  # stable: within a file nothing changes
    groups = {item.path: name for item in items for name in SHARED if name in getattr(item, "fixturenames", ())}
    for item in items:
        if item.path in groups and item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group(groups[item.path]))


def _place(item: pytest.Item) -> int:
    return next((place for place, start in enumerate(ORDER) if item.nodeid.startswith(start)), len(ORDER))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """The tests of one group on one worker, all others file by file, in the order above."""
    from xdist.scheduler import LoadGroupScheduling

    scheduler = LoadGroupScheduling(config, log)
    group_or_test = scheduler._split_scope
    scheduler._split_scope = lambda nodeid: group_or_test(nodeid).partition("::")[0]
    return scheduler


@pytest.fixture(autouse=True)
def recursion_limit_of_a_service() -> None:
    """py_ecc, which web3 imports, sets 100,000: deeply nested JSON then ends this process. See `Process.run`."""
    sys.setrecursionlimit(1000)


@pytest.fixture(scope="session", autouse=True)
def one_postgres() -> Iterator[None]:
    """Ends the server that `tests.worlds.postgres` shares among all tests of this process."""
    yield
    stop_postgres()


@pytest.fixture(scope="session")
def databases() -> Iterator[Databases]:
    """That server: `fresh()` makes an empty database."""
    with postgres() as server:
        yield server


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
    """Parts and services, one for all stories of this process. A story leaves all of them running."""
    with Stack(new_home("stack"), free_base()) as running:
        _of_stories.append(running)
        yield running


_of_stories: list[Stack] = []


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> Iterator[None]:
    """After the last story of a process its stack stops: an idle one takes an eighth of a core from what follows."""
    yield
    if _is_story(item) and (nextitem is None or not _is_story(nextitem)):
        while _of_stories:
            _of_stories.pop().stop()


def _is_story(item: pytest.Item) -> bool:
    return item.path.parent.name == "e2e"


@pytest.fixture(scope="session")
def parts(new_home: Callable[[str], Path]) -> Iterator[Stack]:
    """Kafka, PostgreSQL, S3, chain and mail without any service; topics, schemas and contract are there."""
    with Stack(new_home("parts"), free_base(), services=()) as running:
        yield running
