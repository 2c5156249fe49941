"""Stacks for the tests, started only when a test asks for one, on free ports, in a temporary AKASHI_HOME; and which
tests run side by side (docs/testing.md)."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import settings

from deploy.local.ports import free_base
from deploy.local.stack import Stack
from shared.runtime.structs import compile_structs
from tests.worlds.clients import authorities_read_once
from tests.worlds.postgres import Databases, postgres, stop_postgres
from tests.worlds.templates import compiled_once
from tests.worlds.traces import Collector, collector

settings.register_profile("akashi", deadline=None)  # no test asserts a duration: the machine may be busy
settings.load_profile("akashi")
compiled_once()
authorities_read_once()

ORDER = (
    "tests/e2e/test_issuance_cycle.py",  # counts a cohort that nobody else has joined
    "tests/e2e/test_undone.py",  # takes back all badges: while they are few
    # these wait until all counts match: before those that leave dead letters and people half way
    "tests/e2e/test_stuck.py",
    "tests/e2e/test_corrected.py",
    "tests/e2e/test_revoked.py",
    "tests/e2e",
    "tests/e2e/test_office.py",  # leaves people who are told by the next run
    "tests/e2e/test_killed_service.py",
    "tests/e2e/test_database_refuses.py",
    "tests/e2e/test_outages.py",
    "tests/e2e/test_relay_killed.py",
    "tests/e2e/test_workers.py",
    "tests/e2e/test_board_tells.py",
    "tests/e2e/test_runbook.py",
    "tests/e2e/test_wrong_clock.py",
    "tests/e2e/test_lost_and_rebuilt.py",
    "tests/e2e/test_anchor_faults.py",
    "tests/e2e/test_scrubbed.py",
    "tests/e2e/test_restored.py",
    "tests/e2e/test_networks_end.py",
    "tests/e2e/test_replicas.py",
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
"""Beginnings of paths; the longest that fits gives the place. What takes minutes starts first, so that the workers end
at about the same time; those of one stack follow each other."""

GROUPS: Mapping[str, str] = {
    "tests/e2e/": "stack",
    # they kill and stop what they share, so they have a second stack, beside that of the other stories
    "tests/e2e/test_killed_service.py": "harm",
    "tests/e2e/test_database_refuses.py": "harm",
    "tests/e2e/test_outages.py": "harm",
    "tests/e2e/test_relay_killed.py": "harm",
    "tests/e2e/test_traced.py": "harm",
    "tests/e2e/test_workers.py": "harm",
    "tests/e2e/test_board_tells.py": "harm",
    "tests/e2e/test_runbook.py": "harm",
    "tests/e2e/test_wrong_clock.py": "harm",
    # each with a stack of its own
    "tests/e2e/test_lost_and_rebuilt.py": "",
    "tests/e2e/test_anchor_faults.py": "",
    "tests/e2e/test_scrubbed.py": "",
    "tests/e2e/test_restored.py": "",
    "tests/e2e/test_networks_end.py": "",
    "tests/e2e/test_replicas.py": "",
    "tests/integration/test_issuer_process.py": "parts",
    "tests/integration/test_mailer_process.py": "parts",
    "tests/integration/test_reading.py": "parts",
    "tests/integration/test_recall.py": "parts",
    "tests/integration/test_registration_doc.py": "parts",
    "tests/integration/test_restore_noticed.py": "parts",
    "tests/integration/test_secured_kafka.py": "parts",
    "tests/integration/test_stack.py": "parts",
}
"""Beginnings of paths, the longest that fits counts: the files of a group share a gigabyte of servers (the fixture
`stack` or `parts`), so they stay together on one worker."""

_OF_FIXTURE = {"stack": ("stack", "harm"), "parts": ("parts",)}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    compile_structs()  # as each process does at its start, before tests have threads
    items.sort(key=_place)  # stable: within a file nothing changes
    for item in items:
        for fixture in _OF_FIXTURE.keys() & set(getattr(item, "fixturenames", ())):
            is_its_own = fixture in vars(getattr(item, "module", item))
            if not is_its_own and _group_of(item.nodeid) not in _OF_FIXTURE[fixture]:
                raise pytest.UsageError(f"{item.path}: asks for `{fixture}`: give the file its group in {__file__}")


def _longest(beginnings: Iterable[str], nodeid: str) -> str:
    return max((each for each in beginnings if nodeid.startswith(each)), key=len, default="")


def _place(item: pytest.Item) -> int:
    return ORDER.index(_longest(ORDER, item.nodeid) or ORDER[-1])


def _group_of(nodeid: str) -> str:
    """ "" for a file that is in none."""
    return GROUPS.get(_longest(GROUPS, nodeid), "")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """The files of one group on one worker, all others file by file, in the order above.

    By path, since xdist's own groups are suffixes of node ids, which pytest 9.2 keeps as they are.
    """
    from xdist.scheduler import LoadScopeScheduling

    scheduler = LoadScopeScheduling(config, log)
    scheduler._split_scope = lambda nodeid: _group_of(nodeid) or nodeid.partition("::")[0]
    return scheduler


@pytest.fixture(autouse=True)
def recursion_limit_of_a_service() -> None:
    """py_ecc, which web3 imports, sets 100,000: deeply nested JSON then ends this process. See `Process.run`."""
    sys.setrecursionlimit(1000)


@pytest.fixture(scope="session", autouse=True)
def every_line_is_captured() -> Iterator[None]:
    """`capture_logs` sees loggers used before, although an earlier test configured the log as a service does."""
    configure = structlog.configure
    with pytest.MonkeyPatch.context() as patch:
        uncached = {"cache_logger_on_first_use": False}
        patch.setattr(structlog, "configure", lambda **options: configure(**{**options, **uncached}))
        yield


@pytest.fixture(scope="session", autouse=True)
def nothing_works_on() -> Iterator[None]:
    """After a worker's last test no thread of it is busy: one that was left in a loop slows down all later tests.

    First, so that it is the last to end.
    """
    yield
    if "PYTEST_XDIST_WORKER" in os.environ:
        before = time.process_time()  # of all threads
        time.sleep(1.0)
        busy = time.process_time() - before
        names = sorted(thread.name for thread in threading.enumerate())
        assert busy < 0.3, f"left behind and busy, {busy:.1f} s of CPU in a second: one or more of {names}"


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
def traces() -> Iterator[Collector]:
    """What the services of `stack` export of traces: of those that upstream records, so that others cost nothing."""
    with collector() as found:
        yield found


@pytest.fixture(scope="session")
def stack(new_home: Callable[[str], Path], traces: Collector) -> Iterator[Stack]:
    """Parts and services, one for all stories of this process. A story leaves all of them running."""
    with Stack(new_home("stack"), free_base(), settings={"TRACES_URL": traces.url, "TRACES_SHARE": "0"}) as running:
        _of_stories.append(running)
        yield running


_of_stories: list[Stack] = []


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> Iterator[None]:
    """After the last of several stories its stack stops: an idle one takes an eighth of a core from what follows."""
    yield
    if nextitem is None or not _is_on_shared_stack(nextitem):
        for running in _of_stories:
            running.stop()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """For a story that comes later, in a run of one process, the stack starts again; all of its data is there."""
    if _is_on_shared_stack(item):
        for stopped in _of_stories:
            if not stopped.running():
                stopped.start()


def _is_on_shared_stack(item: pytest.Item) -> bool:
    return _group_of(item.nodeid) in _OF_FIXTURE["stack"]


@pytest.fixture(scope="session")
def parts(new_home: Callable[[str], Path]) -> Iterator[Stack]:
    """Kafka, PostgreSQL, S3, chain and mail without any service; topics, schemas and contract are there."""
    with Stack(new_home("parts"), free_base(), services=()) as running:
        yield running
