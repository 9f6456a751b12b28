"""Calling a student's function under watch: what it returned, changed, printed, raised and used."""

import contextlib
import copy
import io
import signal
import sys
import threading
import time
import traceback
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import FrameType
from typing import Any, TextIO

import numpy as np

from lstm_ref.checks.exercise import Case

__all__ = [
    "PRINT_LIMIT",
    "Outcome",
    "RemoteFunction",
    "TimeLimit",
    "call",
    "is_reference",
    "limited",
    "provided",
]

PRINT_LIMIT = 1_000_000  # characters one call may print


class TimeLimit(BaseException):
    """Raised inside a call that takes too long; not an `Exception`, so answers do not catch it."""


@dataclass
class Outcome:
    """All that one call did.

    Attributes
    ----------
    result : object
        What came back, None after an error.
    args, kwargs : tuple, dict
        The arguments as the call left them.
    error : BaseException or None
    where : str
        The line of the student's code that raised `error`.
    warned : tuple of str
        Texts of the numerical warnings.
    printed : int
        Characters printed.
    used : frozenset of str
        Functions of `lstm_ref` that were called.
    shares : bool or None
        Whether the result shares memory with an input; None if nobody has looked yet.
    """

    result: Any
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    error: BaseException | None = None
    where: str = ""
    warned: tuple[str, ...] = ()
    printed: int = 0
    used: frozenset[str] = frozenset()
    shares: bool | None = None


class RemoteFunction(ABC):
    """A student's function that lives in another process, where all watching has to be done."""

    @abstractmethod
    def outcome(
        self,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        seconds: float,
        echo: bool,
        may_use: frozenset[str],
    ) -> Outcome:
        """Call it there, as `call` would here; `args` and `kwargs` come out as it left them."""

    @abstractmethod
    def drawing(self, describe: str) -> "RemoteFunction":
        """Return the function that draws there, and returns what `artists.<describe>` makes of it.

        It takes the data alone: see `lstm_ref.checks.artists.drawn_by`.
        """

    @abstractmethod
    def repeated(self, times: Callable[..., int]) -> "RemoteFunction":
        """Return the function that calls this one there `times(*args)` times, for a list."""

    @abstractmethod
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call it there and return the result."""


class _Meter(io.TextIOBase):
    """Counts what is printed, and passes the beginning on."""

    def __init__(self, target: TextIO | None) -> None:
        self.target = target
        self.count = 0

    def write(self, text: str) -> int:
        if self.target is not None and self.count + len(text) <= 10_000:
            self.target.write(text)
        self.count += len(text)
        return len(text)


def is_reference(module: str) -> bool:
    """Tell whether a module of that name holds reference implementations."""
    return module.startswith("lstm_ref.") and not module.startswith("lstm_ref.checks")


class _Watch:
    """Notes which functions of `lstm_ref` are called from outside it, however imported."""

    def __init__(self) -> None:
        self.used: set[str] = set()
        self.paused = False

    def __call__(self, frame: FrameType, event: str, arg: object) -> None:
        if event != "call" or self.paused:
            return
        module = str(frame.f_globals.get("__name__", ""))
        caller = frame.f_back
        inside = caller is not None and is_reference(str(caller.f_globals.get("__name__", "")))
        if is_reference(module) and not inside:
            name = frame.f_code.co_name
            if not name.startswith(("_", "<")):
                self.used.add(name)


_active: list[_Watch] = []


def provided(function: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a reference that a check hands to the student: using it is then no offence."""

    def wrapper(*args: Any, **kwargs: Any) -> Any:
        watch = _active[-1] if _active else None
        if watch is None:
            return function(*args, **kwargs)
        before, watch.paused = watch.paused, True
        try:
            return function(*args, **kwargs)
        finally:
            watch.paused = before

    return wrapper


@contextlib.contextmanager
def _watched(watch: _Watch) -> Iterator[None]:
    before = sys.getprofile()
    _active.append(watch)
    sys.setprofile(watch)
    try:
        yield
    finally:
        sys.setprofile(before)
        _active.pop()


@contextlib.contextmanager
def limited(seconds: float) -> Iterator[None]:
    """Raise `TimeLimit` in the running call after `seconds`; a limit around this one goes on after.

    Main thread of Unix: an interval timer. Elsewhere the interpreter is asked to raise in the
    thread that runs the call, which it does at the next bytecode.
    """
    if hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread():

        def stop(number: int, frame: FrameType | None) -> None:
            raise TimeLimit

        before = signal.signal(signal.SIGALRM, stop)
        outer, start = signal.setitimer(signal.ITIMER_REAL, seconds)[0], time.monotonic()
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
            if outer:
                left = outer - (time.monotonic() - start)
                signal.setitimer(signal.ITIMER_REAL, max(left, 1e-6))
        return
    import ctypes  # kept here: not every platform the package runs on has it

    runner = threading.get_ident()
    timer = threading.Timer(
        seconds,
        lambda: ctypes.pythonapi.PyThreadState_SetAsyncExc(
            ctypes.c_ulong(runner), ctypes.py_object(TimeLimit)
        ),
    )
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _line_of(error: BaseException, function: Callable[..., Any]) -> str:
    """Name the last line of the student's own code that `error` passed."""
    own = getattr(getattr(function, "__code__", None), "co_filename", None)
    for entry in reversed(traceback.extract_tb(error.__traceback__)):
        if entry.filename == own and entry.line:
            return f"line {entry.lineno} of the cell: {entry.line.strip()}"
    return ""


def call(
    function: Callable[..., Any],
    case: Case,
    seconds: float,
    echo: bool = False,
    watched: bool = True,
    own: Callable[..., Any] | None = None,
    may_use: frozenset[str] = frozenset(),
) -> Outcome:
    """Call `function` on copies of the case's arguments.

    Parameters
    ----------
    function : callable
        The student's, or a misconception's.
    case : Case
        Left untouched.
    seconds : float
        Time limit.
    echo : bool
        Whether what the call prints is passed on (the first 10,000 characters).
    watched : bool
        Whether calls of `lstm_ref` are noted.
    own : callable, optional
        The student's own function, if `function` is an adapter around it.
    may_use : frozenset of str
        Functions of `lstm_ref` that a function in another process is given.

    Returns
    -------
    Outcome

    Raises
    ------
    KeyboardInterrupt
        If the user stops the cell.
    """
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    args, kwargs = copy.deepcopy((case.args, dict(case.kwargs)))
    if isinstance(function, RemoteFunction):
        return function.outcome(args, dict(kwargs), seconds, echo, may_use)
    meter, watch = _Meter(sys.stdout if echo else None), _Watch()
    outcome = Outcome(None, args, dict(kwargs))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with np.errstate(over="warn", divide="warn", invalid="warn", under="ignore"):
            try:
                with (
                    limited(seconds),
                    contextlib.redirect_stdout(meter),
                    contextlib.redirect_stderr(meter),
                    _watched(watch) if watched else contextlib.nullcontext(),
                ):
                    outcome.result = function(*args, **kwargs)
            except KeyboardInterrupt:
                raise
            except BaseException as error:
                outcome.error = error
                outcome.where = _line_of(error, own or function)
    outcome.warned = tuple(
        dict.fromkeys(str(w.message) for w in caught if issubclass(w.category, RuntimeWarning))
    )
    outcome.printed = meter.count
    outcome.used = frozenset(watch.used) if watched else frozenset()
    return outcome
