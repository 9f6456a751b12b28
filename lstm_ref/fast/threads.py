"""Run parts of a batch in Python threads, each with one BLAS thread.

NumPy lets go of Python's global lock inside its loops and products, so two threads really do work
at the same time. What they must not do is to ask a multi-threaded BLAS for the same helpers: the
library hands them out one caller at a time. So while our threads run, BLAS is told to use one.

NumPy has no call for that, but the OpenBLAS that comes with it has, and `ctypes` can reach it. With
another BLAS (Accelerate, MKL) or no `ctypes` (WebAssembly) nothing is found, nothing is changed,
and everything runs in one thread unless more are asked for.
"""

import ctypes
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from itertools import pairwise
from pathlib import Path
from threading import Lock, Thread
from typing import Any, TypeVar

import numpy as np

__all__ = ["blas_threads", "one_blas_thread", "plan_parts", "run_parts"]

Part = TypeVar("Part")
Result = TypeVar("Result")

# Multiplications of one step below which a second thread costs more than it brings: the two then
# spend their time handing Python's lock to one another. Measured with `benchmarks.speed`.
WORTH_A_THREAD = 1_000_000


@cache
def _openblas() -> tuple[Callable[[], int], Callable[[int], None]] | None:
    """Find the functions that read and set OpenBLAS's number of threads, or None."""
    extension = sys.modules.get("numpy._core._multiarray_umath") or sys.modules.get(
        "numpy.core._multiarray_umath"
    )
    # A library's own handle also reaches what it was linked with, except on Windows.
    files = [str(getattr(extension, "__file__", ""))]
    files += map(str, Path(np.__file__).parent.parent.glob("numpy.libs/*openblas*"))
    for file in filter(None, files):
        try:
            library = ctypes.CDLL(file)
        except OSError:
            continue
        for prefix in ("scipy_openblas", "openblas"):
            for suffix in ("64_", ""):
                try:
                    read = getattr(library, f"{prefix}_get_num_threads{suffix}")
                    write = getattr(library, f"{prefix}_set_num_threads{suffix}")
                except AttributeError:
                    continue
                read.argtypes, read.restype = (), ctypes.c_int
                write.argtypes, write.restype = (ctypes.c_int,), None
                return read, write
    return None


def blas_threads() -> int:
    """Tell how many threads BLAS may use now; 1 if there is no way to know.

    Returns
    -------
    int
        Set by ``OPENBLAS_NUM_THREADS`` when Python starts, the number of cores by default.

    Examples
    --------
    >>> from lstm_ref.fast.threads import blas_threads
    >>> blas_threads() >= 1
    True
    """
    found = _openblas()
    return 1 if found is None else max(1, found[0]())


_lock = Lock()
_users = 0
_before = 1


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Hold BLAS at one thread; the last of several concurrent users restores the number.

    The number belongs to the process, so a product in an unrelated thread is held to one thread
    as well for as long as this lasts.
    """
    global _users, _before
    found = _openblas()
    if found is None:
        yield
        return
    read, write = found
    with _lock:
        if _users == 0:
            _before = read()
            write(1)
        _users += 1
    try:
        yield
    finally:
        with _lock:
            _users -= 1
            if _users == 0:
                write(_before)


def plan_parts(batch_size: int, step_cost: int, threads: int | None) -> list[slice]:
    """Cut a batch into parts of nearly equal size, one a thread.

    Parameters
    ----------
    batch_size : int
    step_cost : int
        Multiplications of one time step, which decide whether more than one thread pays.
    threads : int or None
        How many parts to make, at most one a sequence. None for as many as BLAS would use, and
        fewer where a part would be too small.

    Returns
    -------
    list of slice

    Raises
    ------
    ValueError
        If `threads` is below 1.

    Examples
    --------
    >>> from lstm_ref.fast.threads import plan_parts
    >>> plan_parts(5, step_cost=100, threads=2)
    [slice(0, 2, None), slice(2, 5, None)]
    >>> plan_parts(5, step_cost=100, threads=None)
    [slice(0, 5, None)]
    """
    if threads is not None and threads < 1:
        raise ValueError(f"expected threads of at least 1, got {threads}")
    if threads is None:
        with _lock:
            usual = blas_threads() if _users == 0 else _before
        threads = max(1, min(usual, step_cost // WORTH_A_THREAD))
    count = min(threads, batch_size)
    cuts = [batch_size * part // count for part in range(count + 1)]
    return [slice(start, stop) for start, stop in pairwise(cuts)]


def run_parts(function: Callable[[Part], Result], parts: Sequence[Part]) -> list[Result]:
    """Call `function` on every part, each in a thread of its own, and return all results in order.

    BLAS is held to one thread meanwhile. The first part runs in the calling thread. Threads are
    started for the call and joined before it returns, so none is left over for a fork to lose.
    Where no thread can be started the parts run one after the other. An exception in any part is
    raised here.
    """
    # A new thread does not have its caller's settings. Where an exponential is too large or too
    # small for a number, infinity and zero are what the gates want.
    settings: Any = np.geterr() | {"over": "ignore", "under": "ignore"}

    def call(part: Part) -> Result:
        with np.errstate(**settings):
            return function(part)

    with one_blas_thread():
        if len(parts) == 1:
            return [call(parts[0])]
        return _run_in_threads(call, parts)


def _run_in_threads(function: Callable[[Part], Result], parts: Sequence[Part]) -> list[Result]:
    results: dict[int, Result] = {}
    errors: list[BaseException] = []

    def run(index: int) -> None:
        try:
            results[index] = function(parts[index])
        except BaseException as error:
            errors.append(error)

    started = []
    for index in range(1, len(parts)):
        thread = Thread(target=run, args=(index,))
        try:
            thread.start()
        except RuntimeError:
            run(index)
        else:
            started.append(thread)
    run(0)
    for thread in started:
        thread.join()
    if errors:
        raise errors[0]
    return [results[index] for index in range(len(parts))]
