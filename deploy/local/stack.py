"""A whole Akashi on this machine: parts, topics, contract, services. Used by `akashi up` and `run`, tests, benches."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from signal import SIGKILL, SIGTERM
from types import TracebackType

import psutil

from deploy.local import chain, postgres, ready
from deploy.local.control import Job, Supervisor
from deploy.local.environment import (
    OFFSETS,
    REPOSITORY,
    SERVICES,
    Place,
    own_environment,
    service_settings,
)
from deploy.local.history import clock_of, cohort_of
from deploy.local.keys import create_secrets
from deploy.local.leftovers import end_leftovers, lives
from deploy.local.parts import PARTS
from deploy.local.ports import free_port, refuse_taken_ports
from deploy.local.supervisor import holder_of
from deploy.local.topics import provision_topics
from shared.errors import AkashiError, RefuseToStart

Progress = Callable[[str, str], None]
"""Called with a name and `starting`, `ready`, `stopping` or `stopped`, from the thread that called start or stop."""

_READY_SECONDS = 90.0
_MOST_LIVES = 6  # a process that ends so often while it is awaited will not come up
_STOP_SERVICE_SECONDS = 8.0
_STOP_PART_SECONDS = 5.0
_STOP_SECONDS = 20.0


class StackFailed(AkashiError):
    """A process of the stack did not come up; the text ends with the last lines of its log."""


class Stack:
    """The stack of one home. As a context manager: up inside, down after, whatever happens inside.

    `clock` is the moment at which a new home's time begins. `services` are the services to run, () for parts only;
    `settings` go over the usual ones of each.
    A stack that is not `detached` also stops when this process dies.
    """

    def __init__(
        self,
        home: Path,
        port_base: int = 8600,
        clock: str | None = None,
        services: Iterable[str] = SERVICES,
        *,
        settings: Mapping[str, str] | None = None,
        progress: Progress | None = None,
        detached: bool = False,
    ) -> None:
        self.place = Place(home.expanduser().absolute(), port_base)
        wanted = set(services)
        self.services = tuple(name for name in SERVICES if name in wanted)
        self._settings = dict(settings or {})
        self._asked_clock = clock
        self._progress = progress or (lambda name, state: None)
        self._detached = detached
        self._process: subprocess.Popen[bytes] | None = None
        self._supervisor: Supervisor | None = None
        self._log_starts: dict[str, int] = {}

    @property
    def home(self) -> Path:
        return self.place.home

    @property
    def port_base(self) -> int:
        return self.place.port_base

    @property
    def urls(self) -> dict[str, str]:
        return self.place.urls

    @property
    def clock(self) -> str:
        """AKASHI_CLOCK of all processes; "" for the real time. Known after the first start."""
        return clock_of(self.place, None)

    @property
    def cohort(self) -> str:
        """The year of the cohort, "2026". Known after the first start."""
        return cohort_of(self.place)

    def __enter__(self) -> Stack:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """When this returns, everything answers. RefuseToStart or StackFailed otherwise, and nothing of it runs.

        Interrupted in the middle, it takes down what it brought up.
        """
        try:
            self._start()
        except BaseException:
            self.stop()
            raise

    def _start(self) -> None:
        place = self.place
        if (other := holder_of(place)) is not None:
            raise RefuseToStart(f"a stack runs in {place.home} already (process {other}); stop it with `akashi down`")
        for folder in (place.home, place.logs, place.run, place.data):
            folder.mkdir(parents=True, exist_ok=True)
        end_leftovers(place)
        shutil.rmtree(place.temporary, ignore_errors=True)
        place.temporary.mkdir()
        refuse_taken_ports(place, self._ports())
        clock = clock_of(place, self._asked_clock)
        cohort_of(place)  # now, while the clock shows the beginning
        self._supervisor = self._supervise()
        create_secrets(place)
        for name, part in PARTS.items():
            self._progress(name, "starting")
            part.prepare(place)
            self._add(
                Job(
                    name=name,
                    command=part.command(place, clock),
                    environment={**own_environment(place, os.environ), **part.settings(place)},
                    stop_signal=part.stop_signal,
                    end_by=part.end_by,
                    user=part.user,
                    stop_seconds=_STOP_PART_SECONDS,
                )
            )
        self._await_all(PARTS)
        postgres.provision(place)
        provision_topics(place.address("kafka"))
        chain.provision(place)
        for service in self.services:
            self._progress(service, "starting")
            self._add(self._job(service, service, self.environment(service)))
        self._await_all(self.services)

    def stop(self) -> None:
        """When this returns, no process of the stack is left. Services end before the parts they stand on."""
        if self._supervisor is not None:
            self._supervisor.close()
            self._supervisor = None
        process, self._process = self._process, None
        if process is None:
            return
        self._progress("stack", "stopping")
        _end(process)
        end_leftovers(self.place)
        self._progress("stack", "stopped")

    def running(self) -> bool:
        """Whether the supervisor lives. Each process of it may still be about to restart."""
        return self._process is not None and self._process.poll() is None

    def environment(self, name: str) -> dict[str, str]:
        """All of the environment that a service of this name runs with."""
        settings = service_settings(self.place, name, cohort=self.cohort, clock=self.clock)
        return {**own_environment(self.place, os.environ), **settings, **self._settings}

    def pid(self, name: str) -> int:
        """The process that bears this name now. ProcessLookupError between its death and its restart."""
        file = self.place.run / f"{name}.pid"
        text = file.read_text(encoding="ascii").strip() if file.exists() else ""
        if not text or not _lives(int(text)):
            raise ProcessLookupError(f"{name}: no such process now")
        return int(text)

    def kill(self, name: str, signal: int = SIGKILL) -> int:
        """Send a signal; the id of the process that got it. If it dies of it, the supervisor starts it again."""
        pid = self.pid(name)
        os.kill(pid, signal)
        while signal == SIGKILL and _lives(pid):  # the kernel takes a moment, in which the dying still answers
            time.sleep(0.005)
        return pid

    def halt(self, name: str) -> None:
        """Stop a part or service and keep it down, until `resume`."""
        self._ask().halt(name)

    def resume(self, name: str) -> None:
        """Start what was halted; when this returns it answers."""
        self._mark_log(name)
        self._ask().resume(name)
        self.wait_ready(name)

    def restart(self, name: str) -> None:
        """Stop gracefully, start again; when this returns it answers."""
        self.halt(name)
        self.resume(name)

    def start_extra(self, service: str) -> str:
        """One more worker of a service, on free ports; its name is good for pid, kill, halt, resume and remove."""
        known = self._ask().jobs()
        name = next(name for number in range(2, 100) if (name := f"{service}-{number}") not in known)
        environment = {**self.environment(service), "METRICS_PORT": "0"}
        if "WEB_PORT" in environment:
            environment["WEB_PORT"] = str(free_port())
        self._add(self._job(name, service, environment))
        self.wait_ready(name)
        return name

    def remove(self, name: str) -> None:
        """Stop an extra worker gracefully and forget it."""
        self._ask().remove(name)

    def wait_ready(self, name: str, seconds: float = _READY_SECONDS) -> None:
        """Returns when it answers. StackFailed when it doesn't in time."""
        self._await_all([name], seconds)

    def log_tail(self, name: str, lines: int = 15) -> str:
        """The last lines that it has written since it was started."""
        try:
            with self._log(name).open("rb") as file:
                file.seek(self._log_starts.get(name, 0))
                text = file.read().decode("utf-8", errors="replace")
        except OSError:
            return "(no log)"
        return "\n".join(text.splitlines()[-lines:])

    def _log(self, name: str) -> Path:
        return self.place.logs / f"{name}.log"

    def _mark_log(self, name: str) -> None:
        log = self._log(name)
        self._log_starts[name] = log.stat().st_size if log.exists() else 0

    def _add(self, job: Job) -> None:
        self._mark_log(job.name)
        self._ask().add(job)

    def _answers(self, name: str) -> bool:
        try:
            pid = self.pid(name)  # of one that dies, the ports may answer a moment longer
        except ProcessLookupError:
            return False
        if name in PARTS:
            return ready.part_answers(self.place, name)
        return ready.service_answers(pid, self.place, name)

    def _await_all(self, names: Iterable[str], seconds: float = _READY_SECONDS) -> None:
        waiting, deadline = list(names), time.monotonic() + seconds
        lives: dict[str, set[int]] = {name: set() for name in waiting}
        while waiting:
            for name in list(waiting):
                if self._answers(name):
                    waiting.remove(name)
                    self._progress(name, "ready")
            if not self.running():
                raise StackFailed(f"the supervisor ended while {waiting} were awaited:\n{self.log_tail('supervisor')}")
            for name in waiting:
                with contextlib.suppress(ProcessLookupError):
                    lives[name].add(self.pid(name))
                if ready.refusal(self.log_tail(name)):
                    raise self._failed(name, "refuses to start")
                if len(lives[name]) > _MOST_LIVES:
                    raise self._failed(name, f"ends again and again ({len(lives[name])} times)")
                if time.monotonic() > deadline:
                    raise self._failed(name, f"does not answer after {seconds:.0f} s")
            if waiting:
                time.sleep(0.05)

    def _failed(self, name: str, words: str) -> StackFailed:
        return StackFailed(f"{name}: {words}; its log ({self._log(name)}) ends:\n{self.log_tail(name)}")

    def _job(self, name: str, service: str, environment: dict[str, str]) -> Job:
        return Job(
            name=name,
            command=[sys.executable, "-m", f"services.{service}"],
            environment=environment,
            stop_signal="SIGTERM",
            end_by="SIGKILL",
            user="",
            stop_seconds=_STOP_SERVICE_SECONDS,
        )

    def _ask(self) -> Supervisor:
        if self._supervisor is None:
            raise RuntimeError("the stack is not up")
        return self._supervisor

    def _ports(self) -> list[str]:
        absent = {port for name in SERVICES if name not in self.services for port in (name, f"{name} metrics")}
        return [port for port in OFFSETS if port not in absent]

    def _supervise(self) -> Supervisor:
        place = self.place
        command = [sys.executable, "-m", "deploy.local.supervisor", "--home", str(place.home)]
        command += ["--port-base", str(place.port_base), *(["--detached"] if self._detached else [])]
        with (place.logs / "supervisor.log").open("ab") as log:
            self._process = subprocess.Popen(
                command,
                cwd=REPOSITORY,
                env={**own_environment(place, os.environ), "AKASHI_PART": "supervisor"},
                stdin=subprocess.DEVNULL if self._detached else subprocess.PIPE,  # it stops when this pipe closes
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for us; we stop it in order
            )
        deadline = time.monotonic() + _READY_SECONDS
        while not ready.takes_connections(place.port("supervisor")):
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise StackFailed(f"the supervisor did not start:\n{self.log_tail('supervisor')}")
            time.sleep(0.02)
        return Supervisor(place, self._process.pid)


def stop_running(place: Place) -> bool:
    """Stop whatever stack runs in this home, detached or not; False when none does."""
    pid = holder_of(place)
    if pid is None:
        return False
    deadline = time.monotonic() + _STOP_SECONDS
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, SIGTERM)
        while holder_of(place) == pid and time.monotonic() < deadline:
            time.sleep(0.05)
        if holder_of(place) == pid:
            os.kill(pid, SIGKILL)
    end_leftovers(place)
    return True


def _end(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(SIGTERM)
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()  # the kernel, or end_leftovers, ends its children
        process.wait()
    if process.stdin is not None:
        process.stdin.close()


def _lives(pid: int) -> bool:
    try:
        return lives(psutil.Process(pid))
    except psutil.NoSuchProcess:
        return False
