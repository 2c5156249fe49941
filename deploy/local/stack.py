"""All of Akashi on this machine: parts, topics, contract, services. Used by `akashi up` and `run`, tests, benches."""

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

from deploy.local.environment import OFFSETS, PORT_BASE, REPOSITORY, Place, own_environment, service_settings
from deploy.local.history import clock_of, cohort_of
from deploy.local.home import prepare_home, private_files
from deploy.local.keys import create_secrets
from deploy.local.parts import chain, postgres
from deploy.local.parts.catalogue import PARTS
from deploy.local.parts.topics import partitions_from, provision_topics, retention_from
from deploy.local.ports import ports_of_replica, refuse_taken_ports
from deploy.local.recovery.restore import refuse_half_restored
from deploy.local.supervision import readiness
from deploy.local.supervision.control import Job, SupervisorClient
from deploy.local.supervision.leftovers import end_leftovers, is_running_id
from deploy.local.supervision.supervisor import running_supervisor
from shared.errors import AkashiError, RefuseToStart
from shared.runtime.kafka_access import KafkaAccess
from shared.topics import SERVICES

Progress = Callable[[str, str], None]
"""Called with a name and `starting`, `ready`, `stopping` or `stopped`, from the thread that called start or stop."""

_READY_SECONDS = 90.0
_LOOK_SECONDS = 0.15  # between two rounds of asking whether they answer, which take milliseconds for each
_MAX_STARTS = 6  # a process that ends so often while it is starting will not come up
_STOP_SERVICE_SECONDS = 8.0
_STOP_PART_SECONDS = 5.0
_STOP_SECONDS = 20.0


class StackFailed(AkashiError):
    """A process of the stack did not come up; the text ends with the last lines of its log."""


class Stack:
    """The stack of one home. As a context manager it runs inside the block and is stopped at its end, also by an error.

    `clock` is the moment at which the time of a new home begins. `services` are the services to run, () for parts only,
    `replicas` how many processes of each; `settings` override the usual settings of each service.
    A stack that is not `detached` also stops when this process dies.
    """

    def __init__(
        self,
        home: Path,
        port_base: int = PORT_BASE,
        clock: str | None = None,
        services: Iterable[str] = SERVICES,
        *,
        replicas: int = 1,
        settings: Mapping[str, str] | None = None,
        progress: Progress | None = None,
        detached: bool = False,
    ) -> None:
        self.place = Place(home.expanduser().absolute(), port_base)
        wanted = set(services)
        self.services = tuple(name for name in SERVICES if name in wanted)
        self.replicas = replicas
        self._replica_ports: dict[str, dict[str, str]] = {}
        self._settings = dict(settings or {})
        self._asked_clock = clock
        self._progress = progress or (lambda name, state: None)
        self._detached = detached
        self._process: subprocess.Popen[bytes] | None = None
        self._supervisor: SupervisorClient | None = None
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
        """When this returns, everything answers. After RefuseToStart, StackFailed or an interrupt nothing runs."""
        try:
            with private_files():
                self._start()
        except BaseException:
            self.stop()
            raise

    def _start(self) -> None:
        place = self.place
        if (other := running_supervisor(place)) is not None:
            raise RefuseToStart(f"a stack runs in {place.home} already (process {other}); stop it with `akashi down`")
        refuse_half_restored(place)
        prepare_home(place)
        end_leftovers(place)
        shutil.rmtree(place.temporary, ignore_errors=True)
        place.temporary.mkdir()
        refuse_taken_ports(place, self._ports())
        clock = clock_of(place, self._asked_clock)
        cohort_of(place)  # fixed by the time of the first start
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
        settings = {**os.environ, **self._settings}
        provision_topics(
            KafkaAccess(place.address("kafka")),
            partitions=self._partitions,
            retention=retention_from(settings),
        )
        chain.provision(place)
        self._replica_ports.clear()
        self._start_services()

    def stop(self) -> None:
        """When this returns, no process of the stack is left. Services stop before the parts they depend on."""
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
        """Whether the supervisor runs. Each of its processes may be restarting."""
        return self._process is not None and self._process.poll() is None

    def environment(self, name: str) -> dict[str, str]:
        """The whole environment of a service of this name, or of one of its replicas (`processes`)."""
        service = self.processes.get(name, name)
        settings = service_settings(self.place, service, cohort=self.cohort, clock=self.clock)
        if service == "ops":
            settings["TOPIC_PARTITIONS"] = str(self._partitions)
            settings["METRICS_URLS"] += "".join(
                f",{self.processes[replica]}=http://127.0.0.1:{ports['METRICS_PORT']}/metrics"
                for replica, ports in self._replica_ports.items()
            )
        own = {**own_environment(self.place, os.environ), **settings, **self._settings}
        return {**own, **self._replica_ports.get(name, {})}

    @property
    def _partitions(self) -> int:
        """Of each topic: the setting, and as many as there are replicas, at least."""
        return max(partitions_from({**os.environ, **self._settings}), self.replicas)

    @property
    def processes(self) -> dict[str, str]:
        """Of each process of a service its name (`issuer`, `issuer-2` …) and the service, as the stack starts them.

        The first of each has the service's ports, so it is the one that pages and deliveries reach.
        """
        first = {service: service for service in self.services}
        others = {f"{service}-{number}": service for number in range(2, self.replicas + 1) for service in first}
        return {**first, **others}

    def pid(self, name: str) -> int:
        """Process id of this part or service. ProcessLookupError between its death and its restart."""
        file = self.place.run / f"{name}.pid"
        text = file.read_text(encoding="ascii").strip() if file.exists() else ""
        if not text or not is_running_id(int(text)):
            raise ProcessLookupError(f"{name}: no such process now")
        return int(text)

    def kill(self, name: str, signal: int = SIGKILL) -> int:
        """Send a signal; returns the id of the process. The supervisor restarts one that dies of it."""
        pid = self.pid(name)
        os.kill(pid, signal)
        while signal == SIGKILL and is_running_id(pid):  # until the kernel has ended it, it may still answer
            time.sleep(0.005)
        return pid

    def halt(self, *names: str) -> None:
        """Stop parts or services; services stop before parts. They stay stopped until `resume`."""
        self._ask().halt(*names)

    def resume(self, *names: str) -> None:
        """Start halted parts or services; when this returns they answer."""
        for name in names:
            self._mark_log(name)
        self._ask().resume(*names)
        self._await_all(names)

    def restart(self, name: str) -> None:
        """Stop gracefully and start; when this returns it answers."""
        self.halt(name)
        self.resume(name)

    def restart_services(self, **settings: str) -> None:
        """Stop all services and start them with these settings instead of the usual ones; "" takes one back."""
        self._settings = {name: value for name, value in {**self._settings, **settings}.items() if value}
        self._ask().halt(*self.processes)
        for name in self.processes:
            self._ask().remove(name)
        self._start_services()

    def start_extra(self, service: str) -> str:
        """Start one more worker of a service, on free ports; returns its name, for pid, kill, halt, remove …"""
        known = self._ask().jobs()
        name = next(name for number in range(2, 100) if (name := f"{service}-{number}") not in known)
        environment = self.environment(service)
        self._add(self._job(name, service, {**environment, **ports_of_replica(environment)}))
        self.wait_ready(name)
        return name

    def remove(self, name: str) -> None:
        """Stop an extra worker gracefully; it is not restarted."""
        self._ask().remove(name)

    def wait_ready(self, name: str, seconds: float = _READY_SECONDS) -> None:
        """Returns when it answers. StackFailed when it does not within `seconds`."""
        self._await_all([name], seconds)

    def log_tail(self, name: str) -> str:
        """The last 15 lines of its log since it was started."""
        try:
            with self._log(name).open("rb") as file:
                file.seek(self._log_starts.get(name, 0))
                text = file.read().decode("utf-8", errors="replace")
        except OSError:
            return "(no log)"
        return "\n".join(text.splitlines()[-15:])

    def _start_services(self) -> None:
        for name, service in self.processes.items():
            if name != service and name not in self._replica_ports:
                self._replica_ports[name] = ports_of_replica(self.environment(service))
        for name, service in self.processes.items():
            self._progress(name, "starting")
            self._add(self._job(name, service, self.environment(name)))
        self._await_all(self.processes)

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
            pid = self.pid(name)  # the ports of a dying process may answer for a moment
        except ProcessLookupError:
            return False
        if name in PARTS:
            return readiness.part_answers(self.place, name)
        return readiness.service_answers(pid, self.place, name)

    def _await_all(self, names: Iterable[str], seconds: float = _READY_SECONDS) -> None:
        waiting, deadline = list(names), time.monotonic() + seconds
        starts: dict[str, set[int]] = {name: set() for name in waiting}
        while waiting:
            for name in list(waiting):
                if self._answers(name):
                    waiting.remove(name)
                    self._progress(name, "ready")
            if not self.running():
                raise StackFailed(f"the supervisor ended while {waiting} were starting:\n{self.log_tail('supervisor')}")
            for name in waiting:
                with contextlib.suppress(ProcessLookupError):
                    starts[name].add(self.pid(name))
                if readiness.has_refused(self.log_tail(name)):
                    raise self._failed(name, "refuses to start")
                if len(starts[name]) > _MAX_STARTS:
                    raise self._failed(name, f"keeps ending ({len(starts[name])} times)")
                if time.monotonic() > deadline:
                    raise self._failed(name, f"does not answer after {seconds:.0f} s")
            if waiting:
                time.sleep(_LOOK_SECONDS)

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

    def _ask(self) -> SupervisorClient:
        if self._supervisor is None:
            raise RuntimeError("the stack is not up")
        return self._supervisor

    def _ports(self) -> list[str]:
        absent = {port for name in SERVICES if name not in self.services for port in (name, f"{name} metrics")}
        absent |= set() if "registration" in self.services else {"desk"}
        return [port for port in OFFSETS if port not in absent]

    def _supervise(self) -> SupervisorClient:
        place = self.place
        place.supervisor_socket.unlink(missing_ok=True)  # of one that was killed
        command = [sys.executable, "-m", "deploy.local.supervision.supervisor", "--home", str(place.home)]
        command += ["--port-base", str(place.port_base), *(["--detached"] if self._detached else [])]
        with (place.logs / "supervisor.log").open("ab") as log:
            self._process = subprocess.Popen(
                command,
                cwd=REPOSITORY,
                env={**own_environment(place, os.environ), "AKASHI_PART": "supervisor"},
                stdin=subprocess.DEVNULL if self._detached else subprocess.PIPE,  # it stops when this pipe closes
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C goes to this process only, which stops the stack in order
            )
        deadline = time.monotonic() + _READY_SECONDS
        while not place.supervisor_socket.exists():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise StackFailed(f"the supervisor did not start:\n{self.log_tail('supervisor')}")
            time.sleep(0.02)
        return SupervisorClient(place, self._process.pid)


def stop_running(place: Place) -> bool:
    """Stop the stack that runs in this home, detached or not; False when none runs."""
    pid = running_supervisor(place)
    if pid is None:
        return False
    deadline = time.monotonic() + _STOP_SECONDS
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, SIGTERM)
        while running_supervisor(place) == pid and time.monotonic() < deadline:
            time.sleep(0.05)
        if running_supervisor(place) == pid:
            os.kill(pid, SIGKILL)
    end_leftovers(place)
    return True


def _end(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(SIGTERM)
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()  # its children are ended by the kernel or by end_leftovers
        process.wait()
    if process.stdin is not None:
        process.stdin.close()
