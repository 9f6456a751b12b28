"""One library in a process of its own: reads requests as lines of JSON, answers with one line each.

Run by `benchmarks.speed` as ``python -m benchmarks.worker NAME THREADS``.
"""

import gc
import json
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from typing import Any

import numpy as np

from benchmarks.contestants import CONTESTANTS, Contestant, Problem, problem

SAMPLE_SECONDS = 0.03  # a sample repeats a call until it lasts this long


def seconds(call: Callable[[], object], calls: int) -> float:
    """Time one call, averaged over several; the garbage collector waits."""
    gc.disable()
    start = time.perf_counter()
    for _ in range(calls):
        call()
    elapsed = time.perf_counter() - start
    gc.enable()
    return elapsed / calls


def repetitions(call: Callable[[], object]) -> int:
    """Warm a call up and tell how many make a sample."""
    call()
    once = seconds(call, 1)
    return max(1, min(1000, round(SAMPLE_SECONDS / once)))


class Worker:
    """Answers the requests of `benchmarks.speed`."""

    def __init__(self, name: str, threads: int) -> None:
        self.kind, self.threads = CONTESTANTS[name], threads
        self.given: Problem
        self.contestant: Contestant
        self.calls: dict[str, int] = {}

    def hello(self) -> Any:
        """Import the library and say its version."""
        self.kind(problem((2, 2, 2, 2)), self.threads).train()
        return self.kind.version()

    def prepare(self, size: tuple[int, int, int, int]) -> Any:
        """Set a problem; returns sums over what is computed, for comparison."""
        self.given = problem(size)
        self.contestant = self.kind(self.given, self.threads)
        self.contestant.choose_threads(seconds)
        self.calls = {}
        return [float(np.abs(a.astype(float)).sum()) for a in self.contestant.outcome()]

    def sample(self, mode: str) -> float:
        """Time ``forward`` or ``train`` of the problem set."""
        call = getattr(self.contestant, mode)
        with self.contestant.threading():
            if mode not in self.calls:
                self.calls[mode] = repetitions(call)
            return seconds(call, self.calls[mode])

    def memory(self, size: tuple[int, int, int, int]) -> Any:
        """Measure what training adds to the process's peak; returns bytes: before, peak."""
        contestant = self.kind(problem(size), self.threads)
        before = peak_bytes()
        for _ in range(3):
            contestant.train()
        return [before, peak_bytes()]

    def rungs(self, size: tuple[int, int, int, int], rounds: int) -> Any:
        """Time every rung of the ladder, alternating; returns medians in seconds."""
        from benchmarks import ladder
        from lstm_ref.fast.threads import one_blas_thread

        given = problem(size)
        calls: dict[str, Callable[[], object]] = {}
        for group, rungs in (("forward", ladder.FORWARD_RUNGS), ("train", ladder.TRAINING_RUNGS)):
            calls |= {f"{group}: {name}": partial(rung, given) for name, rung in rungs.items()}
        calls |= {f"share: {name}": call for name, call in ladder.share_of_a_step(given).items()}
        times: dict[str, list[float]] = {name: [] for name in calls}
        counts: dict[str, int] = {}
        for _ in range(rounds):
            for name, call in calls.items():
                with nullcontext() if "two threads" in name else one_blas_thread():
                    counts[name] = counts.get(name) or repetitions(call)
                    times[name].append(seconds(call, counts[name]))
        return {name: float(np.median(values)) for name, values in times.items()}


def peak_bytes() -> int:
    """Return the largest amount of memory this process has held; 0 where it is not told."""
    try:
        import resource
    except ImportError:
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak


def main() -> None:
    """Serve requests until standard input ends."""
    worker = Worker(sys.argv[1], int(sys.argv[2]))
    for line in sys.stdin:
        name, *arguments = json.loads(line)
        print(json.dumps(getattr(worker, name)(*arguments)), flush=True)


if __name__ == "__main__":
    main()
