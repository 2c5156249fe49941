"""Processes that render side by side, one a core: forked once the fonts are loaded, so that all share their memory.

A process with threads can't be forked safely. So a nursery is forked while ours has one thread, before it loads what
else a service needs, which would stay in each of them; it forks a worker whenever one is missing. Workers know no
database: they put PDFs, and this process notes and announces what they did. A worker that is killed has done some of
its assertions or none. They stay due, and the next one puts the same bytes.
"""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import sys
import threading
from collections import Counter, deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from functools import partial
from math import ceil
from multiprocessing.connection import Connection, wait
from typing import Generic, NoReturn, TypeVar

from services.renderer.domain.due import DueRendering
from services.renderer.domain.failure import Failure, NotRendered
from services.renderer.rendering import Means, Rendered, prepare_codes, render_all
from shared.errors import TryLater
from shared.runtime.log import logger
from shared.runtime.memory import give_back, keep_little
from shared.runtime.metrics import OBJECT_CALLS

J = TypeVar("J")
R = TypeVar("R")

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_EX_TEMPFAIL = 75  # sysexits.h: supervisors start us again
_AT_ONCE = 8  # assertions that a worker works on: most of the time they wait for object storage
_A_JOB = 24  # assertions that it gets at most: at a job's end the last of them are waited for, and nothing is drawn
_LULL = 1.0  # seconds without a job, after which a worker gives back what the last ones needed
_MAY_END = 3  # workers, of an assertion that they were given alone: then somebody has to look

log = logger("renderer")


class WorkerEnded(TryLater):
    """The worker ended while it rendered this assertion, or others that it had at once: killed, or out of memory."""


class Workers(Generic[J, R]):
    """Processes that do jobs, at most `count` at a time. Used by one thread."""

    def __init__(
        self, count: int, begin: Callable[[], Callable[[J], R]], prepare: Callable[[], None] = lambda: None
    ) -> None:
        """Forks the nursery: to be called while this process has one thread.

        `prepare` is called once, before the first worker is born: all get what it loads. `begin` is called in each;
        what it returns does the jobs. Jobs and results travel as pickles.
        """
        if threading.active_count() != 1:
            raise RuntimeError(f"got {threading.active_count()} threads, expected one: a lock might stay locked")
        self.count = count
        self._idle: list[Connection] = []
        keep_little()  # here already: what isn't frozen is looked through, and so copied, in each process
        self._nursery, theirs = socket.socketpair()
        parent = os.getpid()
        if os.fork() == 0:
            self._nursery.close()
            _run(partial(_rear, theirs, parent, begin, prepare))
        theirs.close()

    def run(self, jobs: Sequence[J], go_on: Callable[[R], bool]) -> list[R | WorkerEnded | None]:
        """The result of each job; None for those that weren't begun, since a result said not to go on."""
        results: list[R | WorkerEnded | None] = [None] * len(jobs)
        waiting, busy = deque(enumerate(jobs)), dict[Connection, int]()
        while waiting or busy:
            while waiting and len(busy) < self.count:
                number, job = waiting.popleft()
                busy[self._give(job)] = number
            for worker in wait(list(busy)):
                assert isinstance(worker, Connection)
                number = busy.pop(worker)
                try:
                    result = worker.recv()
                except (EOFError, OSError):
                    results[number] = WorkerEnded("the worker ended while it rendered")
                    worker.close()
                    continue
                self._idle.append(worker)
                results[number] = result
                if not go_on(result):
                    waiting.clear()
        return results

    def _give(self, job: J) -> Connection:
        while self._idle:
            worker = self._idle.pop()
            try:
                worker.send(job)
                return worker
            except OSError:  # it was killed while it had nothing to do
                worker.close()
        worker = self._born()
        worker.send(job)
        return worker

    def _born(self) -> Connection:
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                socket.send_fds(self._nursery, [b"w"], [theirs.fileno()])
            except OSError:
                log.error("failed", part="workers", cause="their nursery was killed", do="this process ends, too")
                os._exit(_EX_TEMPFAIL)
        return Connection(ours.detach())


def _run(life: Callable[[], None]) -> NoReturn:
    """The life of a forked process: it never returns into what its parent was doing."""
    try:
        life()
        os._exit(0)
    except BaseException as error:
        print(f"renderer: a worker ends: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
        os._exit(1)


def _rear(
    control: socket.socket, parent: int, begin: Callable[[], Callable[[J], R]], prepare: Callable[[], None]
) -> None:
    """The nursery: forks a worker for each connection that comes, until the service ends."""
    _end_with(parent)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel buries them
    here = os.getpid()
    is_prepared = False
    while True:
        _, passed, *_ = socket.recv_fds(control, 1, 1)
        if not passed:
            return
        if not is_prepared:
            prepare()
            keep_little()
            is_prepared = True
        jobs = Connection(passed[0])
        if os.fork() == 0:
            control.close()
            _run(partial(_serve, jobs, here, begin))
        jobs.close()


def _serve(jobs: Connection, parent: int, begin: Callable[[], Callable[[J], R]]) -> None:
    """A worker: does jobs until the service ends."""
    _end_with(parent)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    do = begin()
    while True:
        try:
            if not jobs.poll(_LULL):
                give_back()
            job = jobs.recv()
        except EOFError:
            return
        jobs.send(do(job))


def _end_with(parent: int) -> None:
    """End when the parent does, however it ends: a PDF that is put later might have another signature."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the service
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    if os.getppid() != parent:
        os._exit(0)


class Renderers:
    """`render_all` in several processes. Used by one thread."""

    def __init__(self, count: int, means: Callable[[], Means], public_url: str) -> None:
        """To be called while this process has one thread. `means` are a worker's own, made when it is born."""
        self.count = count
        self._ended: Counter[str] = Counter()  # workers, by the assertion that they were given alone
        self._workers: Workers[list[DueRendering], Rendered] = Workers(
            count,
            lambda: partial(_render, means(), ThreadPoolExecutor(_AT_ONCE)),
            partial(prepare_codes, public_url),
        )

    def render(self, due: Sequence[DueRendering]) -> Rendered:
        """As `render_all`. What was tried before is given alone: if it ends its worker, it costs no other."""
        first = [each for each in due if not each.attempts]
        size = min(ceil(len(first) / self.count), _A_JOB) or 1
        jobs = [first[start : start + size] for start in range(0, len(first), size)]
        jobs += [[each] for each in due if each.attempts]
        together = Rendered()
        for job, result in zip(jobs, self._workers.run(jobs, _is_storage_there), strict=True):
            if isinstance(result, Rendered):
                together.add(result)
            elif result is not None:
                self._note_ended(job, result, together)
        for operation, made in together.calls.items():
            OBJECT_CALLS.labels(operation).inc(made)
        return together

    def _note_ended(self, job: Sequence[DueRendering], end: WorkerEnded, together: Rendered) -> None:
        for each in job:
            self._ended[each.assertion_id] += len(job) == 1
            if self._ended[each.assertion_id] < _MAY_END:
                together.postponed.append((each, end))
            else:
                together.failed.append((each, NotRendered(Failure("layout"), f"{end}, {_MAY_END} times")))


def _render(means: Means, threads: Executor, due: list[DueRendering]) -> Rendered:
    before = _calls()
    result = render_all(due, means, threads)
    result.calls.update(_calls() - before)
    return result


def _calls() -> Counter[str]:
    """Of object storage by this worker so far: its metrics are nobody's, so the service counts them."""
    (calls,) = OBJECT_CALLS.collect()
    return Counter(
        {each.labels["operation"]: int(each.value) for each in calls.samples if each.name.endswith("_total")}
    )


def _is_storage_there(result: Rendered) -> bool:
    return not any(isinstance(error, TryLater) for _, error in result.postponed)
