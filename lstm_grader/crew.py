"""Who does the grading: this process, several on this machine, or a Dask cluster.

A crew takes tasks and gives outcomes back in the order in which they are ready. It never asks for
many more tasks than it has hands, so memory does not grow with the class. A worker that dies, hangs
or says that its surroundings failed is replaced, and the task is tried again; after `ATTEMPTS` its
outcome is ``not graded``, never a zero.
"""

import atexit
import functools
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import (
    FIRST_COMPLETED,
    CancelledError,
    Future,
    ThreadPoolExecutor,
    wait,
)
from contextlib import suppress
from dataclasses import replace
from typing import Any, Protocol, TypeVar

from lstm_grader.course import GraderError
from lstm_grader.execution import Engine, Limits
from lstm_grader.job import NOT_GRADED, Outcome, Task, grade
from lstm_grader.worker import read_frame, write_frame

__all__ = ["ATTEMPTS", "Cluster", "Crew", "InProcess", "Local", "Worker", "usual_number"]

ATTEMPTS = 3
START_UP = 180.0  # seconds for a worker to load its libraries and make its sandbox
GRACE = 60.0  # seconds after a submission's own limit, when its worker is held to be lost
CONNECT = 60.0  # seconds for a scheduler to answer, and to have a worker
IN_HAND = 2  # tasks a worker has at most: one it does, one that waits

Future_ = TypeVar("Future_")


class Crew(Protocol):
    """Grades tasks."""

    def work(self, tasks: Iterable[Task]) -> Iterator[tuple[Task, Outcome]]:
        """Grade tasks; yields each with its outcome as soon as it is known.

        Raises
        ------
        GraderError
            If nobody is left to do the work.
        """


class InProcess:
    """One engine in this process.

    Parameters
    ----------
    engine : Engine
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def work(self, tasks: Iterable[Task]) -> Iterator[tuple[Task, Outcome]]:
        """Grade one task after the other."""
        for task in tasks:
            yield task, grade(task, self.engine)


class WorkerLost(Exception):
    """A worker that has died, or has not answered in time."""


class Worker:
    """A worker process of our own; see `lstm_grader.worker`.

    Parameters
    ----------
    limits : Limits
    trust : bool
        Run submissions in an ordinary kernel rather than in a sandbox.

    Raises
    ------
    GraderError
        If it cannot make its sandbox.
    """

    def __init__(self, limits: Limits, trust: bool) -> None:
        self.limits = limits
        # A worker's numbers are small ones: its BLAS threads would only take others' cores.
        environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
        command = [sys.executable, "-m", "lstm_grader.worker", *(["--trust"] if trust else [])]
        command += ["--cell-seconds", str(limits.cell)]
        command += ["--submission-seconds", str(limits.submission)]
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            start_new_session=True,  # a Ctrl-C is for us alone
        )
        try:
            refusal = self._answer(START_UP)
        except WorkerLost:
            self.close()
            raise
        if refusal:
            self.close()
            raise GraderError(Outcome.from_bytes(refusal).reason)

    def ask(self, task: bytes) -> Outcome:
        """Have a task done.

        Raises
        ------
        WorkerLost
        """
        assert self.process.stdin is not None
        try:
            write_frame(self.process.stdin, task)  # type: ignore[arg-type]
        except OSError as error:
            raise WorkerLost(self._end()) from error
        return Outcome.from_bytes(self._answer(self.limits.submission + GRACE))

    def _answer(self, seconds: float) -> bytes:
        assert self.process.stdout is not None
        late = threading.Timer(seconds, self.process.kill)
        late.daemon = True
        late.start()
        try:
            data = read_frame(self.process.stdout)  # type: ignore[arg-type]
        finally:
            late.cancel()
        if data is None:
            raise WorkerLost(self._end())
        return data

    def _end(self) -> str:
        self.process.kill()
        code = self.process.wait()
        return f"a grading process ended unexpectedly ({_signal(code)})"

    def close(self) -> None:
        """End the process."""
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                with suppress(OSError):  # what it will never read
                    stream.close()


def _signal(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"


class Staff:
    """Workers that are made when there is work, and lent out."""

    def __init__(self, limits: Limits, trust: bool) -> None:
        self.limits, self.trust = limits, trust
        self.idle: queue.SimpleQueue[Worker] = queue.SimpleQueue()
        self.workers: set[Worker] = set()
        self.ended = False

    def do(self, task: bytes) -> Outcome:
        """Have a task done, by another worker where one is lost or its surroundings fail."""
        outcome = Outcome(NOT_GRADED, "it was not tried")
        for _ in range(ATTEMPTS):
            if self.ended:
                break
            try:
                worker = self._worker()
            except WorkerLost as lost:  # before it had begun
                outcome = Outcome(NOT_GRADED, f"{lost}")
                continue
            try:
                outcome = worker.ask(task)
            except WorkerLost as lost:
                outcome = Outcome(NOT_GRADED, f"{lost}")
            except BaseException:
                worker.close()
                raise
            if outcome.state != NOT_GRADED:
                self.idle.put(worker)
                return outcome
            worker.close()
        return replace(outcome, reason=f"{outcome.reason} (tried {ATTEMPTS} times)")

    def _worker(self) -> Worker:
        try:
            return self.idle.get_nowait()
        except queue.Empty:
            worker = Worker(self.limits, self.trust)
            self.workers.add(worker)
            return worker

    def stop(self) -> None:
        """End all workers, whatever they are at."""
        self.ended = True
        for worker in list(self.workers):
            worker.process.kill()

    def close(self) -> None:
        """Let go of what is left of them."""
        self.stop()
        for worker in list(self.workers):
            worker.close()


def usual_number() -> int:
    """Return how many workers this machine has cores for."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Local:
    """Worker processes on this machine; a context manager.

    Parameters
    ----------
    number : int
    limits : Limits
    trust : bool
    """

    def __init__(self, number: int, limits: Limits | None = None, trust: bool = False) -> None:
        if number < 1:
            raise GraderError(f"expected at least 1 worker, got {number}")
        self.number = number
        self.staff = Staff(limits or Limits(), trust)
        self.threads = ThreadPoolExecutor(number, thread_name_prefix="lstm-grader")

    def __enter__(self) -> "Local":
        return self

    def __exit__(self, *_: object) -> None:
        self.staff.stop()
        self.threads.shutdown(wait=True, cancel_futures=True)
        self.staff.close()

    def work(self, tasks: Iterable[Task]) -> Iterator[tuple[Task, Outcome]]:
        """Grade tasks, as many at a time as there are workers."""

        def submit(task: Task) -> "Future[Outcome]":
            return self.threads.submit(lambda: self.staff.do(task.to_bytes()))

        def ready(pending: "list[Future[Outcome]]") -> "Iterable[Future[Outcome]]":
            return wait(pending, return_when=FIRST_COMPLETED).done

        for task, future in _windowed(tasks, self.number * IN_HAND, submit, ready):
            yield task, future.result()


def _windowed(
    tasks: Iterable[Task],
    size: int,
    submit: Callable[[Task], Future_],
    ready: Callable[[list[Future_]], Iterable[Future_]],
) -> Iterator[tuple[Task, Future_]]:
    """Keep `size` tasks under way; yield those that are done, and send the next."""
    pending: dict[Future_, Task] = {}
    for task in tasks:
        pending[submit(task)] = task
        if len(pending) >= size:
            for future in ready(list(pending)):
                yield pending.pop(future), future
    while pending:
        for future in ready(list(pending)):
            yield pending.pop(future), future


class Cluster:
    """A Dask cluster; a context manager.

    Each Dask worker keeps `Worker` processes of its own, so a submission meets the same sandbox
    there as here. The tasks of a Dask worker that is lost are done by the others.

    Parameters
    ----------
    address : str
        Of the scheduler, as ``tcp://host:8786``.
    limits : Limits
    trust : bool

    Raises
    ------
    GraderError
        If Dask is not installed, or the scheduler cannot be reached or has no workers.
    """

    def __init__(self, address: str, limits: Limits | None = None, trust: bool = False) -> None:
        try:
            from distributed import Client
        except ImportError as error:
            raise GraderError(
                "a cluster needs Dask: install this course with its extra, lstm-course[cluster]"
            ) from error
        self.address, self.limits, self.trust = address, limits or Limits(), trust
        try:
            self.client = Client(address, timeout=CONNECT)  # type: ignore[no-untyped-call]
        except (OSError, ValueError) as error:
            raise GraderError(
                f"no Dask scheduler answers at {address}: {_first_line(error)}"
            ) from error
        try:
            self.client.wait_for_workers(1, timeout=CONNECT)
        except TimeoutError as error:
            self.client.close()  # type: ignore[no-untyped-call]
            raise GraderError(f"the Dask scheduler at {address} has no workers") from error

    def __enter__(self) -> "Cluster":
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()  # type: ignore[no-untyped-call]

    def work(self, tasks: Iterable[Task]) -> Iterator[tuple[Task, Outcome]]:
        """Grade tasks, as many at a time as the cluster has threads."""
        from distributed import wait as wait_for

        def submit(task: Task) -> Any:
            # Not pure: work graded again by force is to be done again, not to be looked up.
            return self.client.submit(
                _do, task.to_bytes(), tuple(self.limits), self.trust, pure=False
            )

        def ready(pending: list[Any]) -> list[Any]:
            return list(wait_for(pending, return_when="FIRST_COMPLETED").done)  # type: ignore[no-untyped-call]

        threads = self.client.nthreads()  # type: ignore[no-untyped-call]
        size = IN_HAND * max(1, sum(threads.values()))
        try:
            for task, future in _windowed(tasks, size, submit, ready):
                yield task, self._outcome(future)
        except (CancelledError, OSError) as error:
            raise GraderError(
                f"the Dask cluster at {self.address} is gone; what was graded stays graded"
            ) from error

    def _outcome(self, future: Any) -> Outcome:
        from distributed import KilledWorker

        try:
            return Outcome.from_bytes(future.result())
        except KilledWorker:
            return Outcome(NOT_GRADED, "the Dask workers that tried it were lost, one by one")
        except GraderError as error:  # a worker that cannot make a sandbox
            return Outcome(NOT_GRADED, f"{error}")


def _do(task: bytes, limits: tuple[Any, ...], trust: bool) -> bytes:
    """Have a task done; runs in a Dask worker."""
    return _staff(limits, trust).do(task).to_bytes()


@functools.cache
def _staff(limits: tuple[Any, ...], trust: bool) -> Staff:
    staff = Staff(Limits(*limits), trust)
    atexit.register(staff.close)
    return staff


def _first_line(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]
