"""The local stack's doors: who may read its files, connect to its database, command its supervisor."""

from __future__ import annotations

import os
import shutil
import socket
import stat
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import psycopg
import pytest

from deploy.local.environment import Place, database_url
from deploy.local.home import make_private, prepare_home
from deploy.local.parts import postgres
from deploy.local.ports import free_base
from deploy.local.stack import Stack
from shared.errors import RefuseToStart
from shared.runtime.access import _is_loopback
from shared.topics import SERVICES


@dataclass(frozen=True)
class Closed:
    """A stack in the home of an earlier release; `open_when_new`: what was open in it while it was new."""

    stack: Stack
    open_when_new: list[str]


@pytest.fixture(scope="module")
def closed(new_home: Callable[[str], Path]) -> Iterator[Closed]:
    home, base = new_home("private"), free_base()
    with Stack(home, base, services=()) as stack:
        open_when_new = open_to_others(home)
        with psycopg.connect(database_url(stack.place, "postgres")) as server:
            server.execute("create table kept as select 7 as n")
    as_of_an_earlier_release(stack.place)
    with Stack(home, base, services=("wallet",)) as stack:
        yield Closed(stack, open_when_new)


@pytest.fixture
def running(closed: Closed) -> Stack:
    return closed.stack


def as_of_an_earlier_release(place: Place) -> None:
    """Readable by all, the roles of the database without passwords, and everybody trusted."""
    cluster = place.data / "postgres"
    single = [str(postgres.program("postgres")), "--single", "-D", str(cluster), "postgres"]
    no_passwords = "".join(f"alter role {role} password null\n" for role in ("postgres", "issuer", "wallet"))
    subprocess.run(single, input=no_passwords, text=True, check=True, cwd="/", **postgres.as_server())
    for file in (*place.passwords.iterdir(), cluster / "akashi-password", place.data / "postgres.hba"):
        file.unlink()
    (cluster / "pg_hba.conf").write_text("host all all 127.0.0.1/32 trust\n")
    for path in place.home.rglob("*"):
        if not path.is_relative_to(cluster) and not path.is_symlink():
            path.chmod(0o755 if path.is_dir() else 0o644)
    place.home.chmod(0o755)


def open_to_others(home: Path) -> list[str]:
    """What somebody else on this machine could list, read or change."""
    found = []
    for path in (home, *home.rglob("*")):
        try:
            mode = stat.S_IMODE(path.lstat().st_mode)
        except FileNotFoundError:  # a running server renames its new files
            continue
        passable = 0o011 if os.geteuid() == 0 and path in (home, home / "data") else 0
        if not path.is_symlink() and mode & 0o077 & ~passable:
            found.append(f"{path.relative_to(home)} {mode:o}")
    return found


def family(stack: Stack) -> list[psutil.Process]:
    supervisor = psutil.Process(int((stack.home / "run" / "supervisor.pid").read_text()))
    return [supervisor, *supervisor.children(recursive=True)]


def test_nobody_else_can_read_anything_of_a_new_home(closed: Closed) -> None:
    assert closed.open_when_new == []
    assert {"kafka", "postgres", "s3", "chain"} <= {path.name for path in (closed.stack.home / "data").iterdir()}


def test_a_home_of_an_earlier_release_starts_with_its_data_and_is_closed(running: Stack) -> None:
    home = running.home
    at_hand = {f"{path.relative_to(home)}" for folder in (home, home / "data") for path in folder.iterdir()}
    # What lay in a folder that is closed now stays as it is: nobody reaches it.
    assert [each for each in open_to_others(home) if each.rpartition(" ")[0] in at_hand | {"."}] == []
    for name in ("data/kafka", "data/s3", "data/chain", "log", "run", "inbox", "secrets", "passwords"):
        assert stat.S_IMODE((home / name).stat().st_mode) == 0o700, name
    with psycopg.connect(database_url(running.place, "postgres")) as server:
        assert server.execute("select n from kept").fetchone() == (7,)


def test_every_process_listens_on_loopback_only_and_the_supervisor_on_no_port(running: Stack) -> None:
    heard = set()
    for process in family(running):
        for each in process.net_connections("inet"):
            if each.status == psutil.CONN_LISTEN:
                assert _is_loopback(each.laddr.ip), (process.cmdline(), each.laddr)
                heard.add(each.laddr.port)
    assert {running.place.port(name) for name in ("kafka", "postgres", "s3", "chain", "smtp", "inbox")} <= heard
    supervisor, *_ = family(running)
    assert [each for each in supervisor.net_connections("inet") if each.status == psutil.CONN_LISTEN] == []
    folder = running.place.supervisor_socket.parent
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


@pytest.mark.parametrize("role", ["postgres", "issuer", "wallet", "ops"])
@pytest.mark.parametrize("password", [None, "", "wrong", "postgres"])
def test_the_database_lets_nobody_in_without_a_password(running: Stack, role: str, password: str | None) -> None:
    with psycopg.connect(database_url(running.place, role)) as connection:
        assert connection.execute("select current_user").fetchone() == (role,)
    bare = database_url(running.place, role).partition("?")[0]
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(bare, password=password, passfile=os.devnull)


def test_each_role_has_a_password_of_its_own(running: Stack) -> None:
    files = [running.place.password_file(role) for role in (postgres.SUPERUSER, *SERVICES)]
    assert len({file.read_text() for file in files}) == len(files)
    bare = database_url(running.place, "issuer").partition("?")[0]
    with pytest.raises(psycopg.OperationalError, match="password"):
        wrong = running.place.password_file("wallet").read_text().strip().rpartition(":")[2]
        psycopg.connect(bare, password=wrong, passfile=os.devnull)


def test_a_folder_with_other_things_keeps_its_mode(tmp_path: Path) -> None:
    (tmp_path / "of the user").write_text("x")
    tmp_path.chmod(0o755)
    prepare_home(Place(tmp_path, 8600))
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755
    assert stat.S_IMODE((tmp_path / "log").stat().st_mode) == 0o700


def test_a_home_with_a_long_path_has_its_socket_in_a_short_folder_of_its_own(tmp_path: Path) -> None:
    place = Place(tmp_path / ("long" * 30), 8600)
    folder = place.supervisor_socket.parent
    make_private(folder)
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(place.supervisor_socket))
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    shutil.rmtree(folder)
    folder.symlink_to(tmp_path)
    with pytest.raises(RefuseToStart, match="not a folder of this user"):
        make_private(folder)
    folder.unlink()
