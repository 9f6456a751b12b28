"""The judge's end of the connection to a student's process.

A `Student` is one such process, a `StudentFunction` stands for a function in it. What comes from
there is a claim, not a fact: what does not have the form that was asked for breaks the connection.
"""

import builtins
import contextlib
import inspect
import re
import resource
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

import lstm_ref
from lstm_grader.execution import ENDED, NOT_RUN
from lstm_grader.sandbox import Child
from lstm_grader.wire import Closed, Late, Wire, WireError, receive, send
from lstm_ref.checks.calling import Outcome, RemoteFunction, TimeLimit, limited

__all__ = ["BROKE", "Gone", "OutOfTime", "Student", "StudentFunction", "bounded_memory"]

PATIENCE = 3.0  # seconds an interrupted process has to answer
GRACE = 1.0  # seconds a call may be late, for the way there and back
SYNC = 10.0  # seconds to answer what runs no student code
LENT_MEMORY = 2 << 30  # bytes that one lent function may take
OUTPUT_LIMIT = 1_000_000  # characters of one cell
HUNG = "This cell did not obey its time limit."  # the judge puts the limit into words
BROKE = "This cell broke the connection to the grader."
_IDENTIFIER = re.compile(r"[^\W\d]\w*")


class Gone(BaseException):
    """The student's process has ended or had to be ended; the message says how."""


class OutOfTime(BaseException):
    """A cell was stopped, and the student's process goes on."""


class _Refused(Exception):
    """A function that is not lent."""


class Student:
    """The judge's end of the connection to one student's process.

    Attributes
    ----------
    deadline : float
        When the running cell's time is up, on `time.monotonic`.
    hung : bool
        Whether the process had to be ended in a call that counted as too slow.
    """

    def __init__(self, child: Child, files: dict[str, bytes]) -> None:
        self.deadline = time.monotonic() + SYNC
        self.hung = False
        self._child = child
        self._wire = Wire(self._export, self._resolve)
        self._functions: dict[int, StudentFunction] = {}
        self._lent: list[Callable[..., Any]] = []
        if files:
            self._talk({"do": "files", "files": files}, self.deadline)

    def close(self) -> None:
        """End the process."""
        self._child.close()

    def run_cell(self, source: str, may_use: frozenset[str]) -> list[Any]:
        """Run a cell of the student's; return its outputs as nbformat has them."""
        loan = _Loan(may_use)
        answer = self._talk({"do": "cell", "source": source}, self.deadline, loan)
        if "stopped" in answer:
            raise OutOfTime
        listed = answer.get("outputs")
        if not isinstance(listed, list):
            listed = []
        outputs, left = [], OUTPUT_LIMIT
        for output in (output for said in listed for output in _output(said)):
            left -= len(str(output))
            if left >= 0 or output["output_type"] == "error":
                outputs.append(output)
        return outputs

    def names(self, wanted: list[str]) -> dict[str, Any]:
        """Return what the student's names stand for."""
        answer = self._talk({"do": "names", "names": wanted}, time.monotonic() + SYNC)
        found = self._field(answer, "names", dict)
        return {name: found[name] for name in wanted if name in found}

    def call(
        self,
        function: "StudentFunction",
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        seconds: float,
        echo: bool,
        may_use: frozenset[str],
        drawing: str,
        times: int,
    ) -> Outcome:
        """Call a function; bring `args` and `kwargs` to what the call left of them."""
        request = {
            "do": "call",
            "function": function,
            "args": args,
            "kwargs": kwargs,
            "seconds": seconds,
            "echo": echo,
            "drawing": drawing,
            "times": times,
        }
        loan = _Loan(may_use)
        # The limit over there comes first. An interrupt at the same moment could break out of code
        # that catches one exception, so the same answer would be stopped today and hang tomorrow.
        deadline = min(time.monotonic() + seconds, self.deadline) + GRACE
        try:
            answer = self._talk(request, deadline, loan)
        except Gone as gone:
            if str(gone) != HUNG or time.monotonic() > self.deadline:
                raise
            self.hung = True
            return Outcome(None, args, kwargs, TimeLimit(), used=frozenset(loan.used))
        if "stopped" in answer:
            if time.monotonic() > self.deadline:
                raise OutOfTime
            return Outcome(None, args, kwargs, TimeLimit(), used=frozenset(loan.used))
        return self._outcome(answer, args, kwargs, loan, echo)

    def _outcome(
        self,
        answer: dict[str, Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        loan: "_Loan",
        echo: bool,
    ) -> Outcome:
        """Make of what the student's process claims what `call` would have returned."""
        if "unsaid" in answer:
            error: BaseException = ValueError(f"a result that is too large: {answer['unsaid']}")
            return Outcome(None, args, kwargs, error, used=frozenset(loan.used))
        if echo:
            print(self._field(answer, "said", str)[:OUTPUT_LIMIT], end="")
        claimed = self._field(answer, "used", list)
        loan.used |= {name for name in claimed if isinstance(name, str) and len(name) <= 100}
        _bring(args, answer.get("args"))
        _bring(kwargs, answer.get("kwargs"))
        warned = [text for text in self._field(answer, "warned", list) if isinstance(text, str)]
        told = answer.get("error")
        failed = None if told is None else _error(told)
        if answer.get("late") is True:
            failed = TimeLimit()
        elif answer.get("refused") is True and loan.used - loan.may_use:
            failed = None  # what counts is that it asked
        return Outcome(
            answer.get("result") if failed is None else None,
            args,
            kwargs,
            failed,
            where=self._field(answer, "where", str),
            warned=tuple(dict.fromkeys(warned)),
            printed=self._field(answer, "printed", int),
            used=frozenset(loan.used),
            shares=answer.get("shares") is not False,
        )

    def globals_of(self, function: "StudentFunction") -> list[str]:
        """List the names that a function sees."""
        request = {"do": "globals", "function": function}
        answer = self._talk(request, time.monotonic() + SYNC)
        return [name for name in self._field(answer, "names", list) if isinstance(name, str)]

    def get_global(self, function: "StudentFunction", name: str) -> Any:
        """Return what a name stands for, for a function."""
        request = {"do": "get", "function": function, "name": name}
        return self._talk(request, time.monotonic() + SYNC).get("value")

    def set_globals(self, function: "StudentFunction", names: dict[str, Any]) -> None:
        """Bind names for a function."""
        if not self.hung:  # then nothing is left to bind them in
            request = {"do": "set", "function": function, "names": names}
            self._talk(request, time.monotonic() + SYNC)

    def _field(self, answer: dict[str, Any], name: str, kind: type) -> Any:
        value = answer.get(name)
        if type(value) is not kind:
            self._end(BROKE)
        return value

    def _talk(
        self, request: dict[str, Any], deadline: float, loan: "_Loan | None" = None
    ) -> dict[str, Any]:
        """Send a request; lend functions until the answer comes."""
        if self.hung:
            raise Gone(HUNG)
        with self._ending_what_breaks():
            send(self._child.socket, self._wire.encode(request), deadline)
            return self._listen(deadline, loan)
        with self._ending_what_breaks():
            self._child.interrupt()
            return self._listen(time.monotonic() + PATIENCE, None)
        self._end(HUNG)

    @contextlib.contextmanager
    def _ending_what_breaks(self) -> Iterator[None]:
        """End a process that has closed or broken the connection; go on if it is only late."""
        try:
            yield
        except Late:
            pass
        except Closed:
            self._end(ENDED)
        except WireError:
            self._end(BROKE)

    def _listen(self, deadline: float, loan: "_Loan | None") -> dict[str, Any]:
        while True:
            message = self._wire.decode(receive(self._child.socket, deadline))
            if type(message) is not dict:
                raise WireError("an answer that is no dict")
            if "ask" not in message:
                return message
            reply = self._lend(message, deadline, loan or _Loan(frozenset()))
            send(self._child.socket, self._wire.encode(reply), deadline)

    def _lend(self, message: dict[str, Any], deadline: float, loan: "_Loan") -> dict[str, Any]:
        """Call a function for the student; whatever happens in it is told as data."""
        args, kwargs = message.get("args"), message.get("kwargs")
        if type(args) is not tuple or type(kwargs) is not dict:
            raise WireError("a call without arguments")
        try:
            function = self._function_asked_for(message, loan)
            seconds = max(0.1, deadline - time.monotonic())
            with limited(seconds), bounded_memory(LENT_MEMORY), np.errstate(all="ignore"):
                result = function(*args, **kwargs)
            frame = {"result": result, "error": None}
            self._wire.encode(frame)
            return frame
        except _Refused as error:
            told = {"type": "Refused", "args": (), "text": str(error)}
        except TimeLimit:
            raise Late("a lent function took too long") from None
        except (Exception, WireError) as error:
            args = tuple(a for a in error.args if isinstance(a, (str, int, float)))
            told = {"type": type(error).__name__, "args": args, "text": str(error)[:1000]}
        return {"result": None, "error": told}

    def _function_asked_for(self, message: dict[str, Any], loan: "_Loan") -> Callable[..., Any]:
        if message["ask"] == "lent":
            number = message.get("number")
            if type(number) is not int or not 0 <= number < len(self._lent):
                raise WireError("a function that was never lent")
            return self._lent[number]
        name = message.get("name")
        if type(name) is not str or not _IDENTIFIER.fullmatch(name) or len(name) > 100:
            raise WireError("a reference without a name")
        loan.used.add(name)
        function = getattr(lstm_ref, name, None)
        if name not in loan.may_use or not inspect.isfunction(function):
            raise _Refused(
                f"lstm_ref.{name} is not there while work is graded: "
                "an answer must do without it, and so must the cells around it"
            )
        return function

    def _export(self, function: Any) -> tuple[str, int, str, str]:
        if isinstance(function, StudentFunction):
            return ("student", function.number, "", "")
        for number, known in enumerate(self._lent):
            if known is function:
                return ("judge", number, getattr(function, "__name__", "f")[:100], "")
        self._lent.append(function)
        return ("judge", len(self._lent) - 1, getattr(function, "__name__", "f")[:100], "")

    def _resolve(self, owner: str, number: int, name: str, module: str) -> Any:
        if owner == "student":
            known = self._functions.get(number)
            if known is None:
                if len(self._functions) > 10_000:
                    raise WireError("more functions than anybody needs")
                known = self._functions[number] = StudentFunction(self, number, name, module)
            return known
        if number >= len(self._lent):
            raise WireError("a function that was never lent")
        return self._lent[number]

    def _end(self, sentence: str) -> NoReturn:
        self._child.close()
        raise Gone(sentence)


class _Loan:
    """What one request may ask for, and what it asked for."""

    def __init__(self, may_use: frozenset[str]) -> None:
        self.may_use = may_use
        self.used: set[str] = set()


class StudentFunction(RemoteFunction):
    """Stands for a function in a student's process.

    Attributes
    ----------
    number : int
        What the student's process knows it by.
    """

    def __init__(
        self,
        student: Student,
        number: int,
        name: str,
        module: str,
        drawing: str = "",
        times: Callable[..., int] | None = None,
    ) -> None:
        self.number = number
        self.__name__ = self.__qualname__ = name
        self.__module__ = module
        self._student = student
        self._drawing = drawing
        self._times = times

    def outcome(
        self,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        seconds: float,
        echo: bool,
        may_use: frozenset[str],
    ) -> Outcome:
        """Call it in the student's process, under watch there."""
        times = -1 if self._times is None else self._times(*args, **kwargs)
        drawing = self._drawing
        return self._student.call(self, args, kwargs, seconds, echo, may_use, drawing, times)

    def drawing(self, describe: str) -> "StudentFunction":
        """Return the function that draws in the student's process and describes the picture."""
        student, name, module = self._student, self.__name__, self.__module__
        return StudentFunction(student, self.number, name, module, describe)

    def repeated(self, times: Callable[..., int]) -> "StudentFunction":
        """Return the function that calls this one several times in the student's process."""
        student, name, module = self._student, self.__name__, self.__module__
        return StudentFunction(student, self.number, name, module, times=times)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call it and return the result, or raise what it raised."""
        left = max(0.1, self._student.deadline - time.monotonic())
        outcome = self.outcome(args, kwargs, left, True, frozenset())
        if isinstance(outcome.error, TimeLimit):
            raise OutOfTime
        if outcome.error is not None:
            raise outcome.error
        return outcome.result

    def __deepcopy__(self, memo: Any) -> "StudentFunction":
        return self

    @property
    def __globals__(self) -> "_RemoteNames":
        return _RemoteNames(self._student, self)


class _RemoteNames:
    """The names that a student's function sees."""

    def __init__(self, student: Student, function: StudentFunction) -> None:
        self._student = student
        self._function = function
        self._names = set(student.globals_of(function))

    def __contains__(self, name: str) -> bool:
        return name in self._names

    def __getitem__(self, name: str) -> Any:
        return self._student.get_global(self._function, name)

    def get(self, name: str) -> Any:
        """Return what a name stands for, None if for nothing."""
        return self[name] if name in self._names else None

    def update(self, names: dict[str, Any]) -> None:
        """Bind names in the student's process."""
        self._student.set_globals(self._function, names)


StudentFunction.__name__ = "function"  # what a message calls a function that was returned


def _output(said: Any) -> list[dict[str, Any]]:
    """Make an output of what a student's process says it showed; nothing of what is malformed."""
    if type(said) is not dict:
        return []
    kind, text = said.get("kind"), said.get("text")
    if kind == "stream" and said.get("name") in ("stdout", "stderr") and type(text) is str:
        return [{"output_type": "stream", "name": said["name"], "text": text[:OUTPUT_LIMIT]}]
    if kind == "error" and type(said.get("name")) is str and type(text) is str:
        lines = said.get("lines")
        kept = [line for line in lines if type(line) is str] if type(lines) is list else []
        known = _IDENTIFIER.fullmatch(said["name"][:100]) and said["name"] != NOT_RUN
        error = {"ename": said["name"] if known else "Exception", "evalue": text[:20_000]}
        return [{"output_type": "error", **error, "traceback": kept[:200]}]
    if kind in ("result", "display") and type(said.get("data")) is dict:
        allowed = ("text/plain", "image/png")
        data = {k: v for k, v in said["data"].items() if k in allowed and type(v) is str}
        if kind == "display":
            return [{"output_type": "display_data", "data": data, "metadata": {}}]
        shown = {"output_type": "execute_result", "data": data, "metadata": {}}
        return [{**shown, "execution_count": None}]
    return []


def _bring(value: Any, after: Any) -> None:
    """Bring an argument, in place, to what a call left of it."""
    if isinstance(value, np.ndarray):
        if isinstance(after, np.ndarray):
            _bring_array(value, after)
    elif isinstance(value, np.random.Generator):
        same = isinstance(after, np.random.Generator)
        if same and type(after.bit_generator) is type(value.bit_generator):
            value.bit_generator.state = after.bit_generator.state
    elif isinstance(value, dict):
        if isinstance(after, dict):
            for key in value.keys() & after.keys():
                _bring(value[key], after[key])
            if list(value) != list(after):
                kept = {key: value.get(key, after[key]) for key in after}
                value.clear()
                value.update(kept)
    elif isinstance(value, (list, tuple)):
        if isinstance(after, (list, tuple)):
            for one, left in zip(value, after, strict=False):
                _bring(one, left)
            if isinstance(value, list) and len(value) != len(after):
                value[:] = after


def _bring_array(value: np.ndarray[Any, Any], after: np.ndarray[Any, Any]) -> None:
    if value.dtype == after.dtype and value.shape == after.shape:
        if value.tobytes() != after.tobytes():
            np.copyto(value, after)
        return
    with contextlib.suppress(ValueError):
        value.resize(after.shape, refcheck=False)
        np.copyto(value, after, casting="unsafe")


def _error(told: Any) -> BaseException:
    """Make the exception that a student's process describes.

    Of a built-in class where its name is one's; never one that would stop the grader.
    """
    if type(told) is not dict or type(told.get("type")) is not str:
        return RuntimeError("an error that cannot be told")
    name, args, text = told["type"], told.get("args"), told.get("text")
    text = text if type(text) is str else ""
    kind = getattr(builtins, name, None) or getattr(np.linalg, name, None)
    if not (isinstance(kind, type) and issubclass(kind, Exception)):
        return _named_error(name, Exception, text)
    try:
        error = kind(*args) if type(args) is tuple else kind(text)
        if str(error) == text:
            return error
    except Exception:
        pass
    return _named_error(name, kind, text)


def _named_error(name: str, kind: type[Exception], text: str) -> Exception:
    name = name if _IDENTIFIER.fullmatch(name) else "Exception"
    made = type(name, (kind,), {"__init__": lambda self: None, "__str__": lambda self: text})
    error: Exception = made()
    return error


@contextlib.contextmanager
def bounded_memory(size: int) -> Iterator[None]:
    """Let a lent function take no more than `size` bytes: its arguments are a student's."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    wanted = pages * resource.getpagesize() + size
    if before[1] != resource.RLIM_INFINITY:
        wanted = min(wanted, before[1])
    resource.setrlimit(resource.RLIMIT_AS, (wanted, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)
