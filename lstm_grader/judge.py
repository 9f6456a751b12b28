"""The engine for untrusted work: student cells in a sandbox, checks outside of it.

The notebook's own cells run in a `lstm_grader.sandbox.Child`. The locked cells run here, in this
process, and reach the student's functions through stand-ins: a call goes over the wire, and what
comes back is data. So no student code sees a check, an expected value or the gradebook, and none
can redefine what judges it.

What a check's cell names and no locked cell defines is looked up among the student's names: a
function becomes a `StudentFunction`, plain data is copied, anything else is an object of which
only the type's name is known. What locked cells define is theirs, whatever a student does.

References are lent: a student's function may call those functions of `lstm_ref` that its exercise
allows (``may_use``), a student's cell those that locked cells import. They are computed here.
Asking for another one in a call is noted, as a call of it would be in an ordinary kernel.

Limits are those of `lstm_grader.execution`: an interrupt first; a process that does not obey is
ended, its student's cells are run again in a new one, and the checks left of that answer are not.
"""

import ast
import builtins
import contextlib
import copy
import functools
import importlib.util
import inspect
import io
import re
import resource
import time
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

import lstm_ref
from lstm_grader.course import GraderError
from lstm_grader.execution import NOT_RUN, EngineError, Limits
from lstm_grader.masters import Notebook, grade_id, source_of
from lstm_grader.sandbox import Child, NoSandbox, Quota, Sandbox
from lstm_grader.wire import Closed, Late, Wire, WireError, receive, send
from lstm_ref.checks.calling import Outcome, RemoteFunction, TimeLimit, limited

__all__ = ["Gone", "OutOfTime", "SandboxEngine", "Student", "StudentFunction"]

PATIENCE = 3.0  # seconds an interrupted process has to answer
GRACE = 1.0  # seconds a call may be late, for the way there and back
SYNC = 10.0  # seconds to answer what runs no student code
LENT_MEMORY = 2 << 30  # bytes that one lent function may take
OUTPUT_LIMIT = 1_000_000  # characters of one cell
_NO_ANSWERS: frozenset[str] = frozenset()
MAX_FILES, MAX_FILE_BYTES = 200, 16_000_000
_HUNG = (
    "This cell did not finish within {seconds} seconds and was stopped. "
    "Look for a loop that never ends."
)
_ENDED = "This cell ended the Python process it ran in."
_BROKE = "This cell broke the connection to the grader."
_IDENTIFIER = re.compile(r"[^\W\d]\w*")


class SandboxEngine:
    """Runs notebooks in a sandbox, one at a time; a context manager.

    Parameters
    ----------
    limits : Limits
    quota : Quota

    Raises
    ------
    NoSandbox
        If no sandbox can be made here.
    """

    trusted_only = False

    def __init__(self, limits: Limits | None = None, quota: Quota | None = None) -> None:
        self.limits = limits or Limits()
        self._quota = quota
        self._sandboxes = {_NO_ANSWERS: Sandbox(quota)}

    def __enter__(self) -> "SandboxEngine":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the sandboxes."""
        for sandbox in self._sandboxes.values():
            sandbox.close()

    def execute(self, notebook: Notebook, files: Path) -> Notebook:
        """Run every code cell in order; see `lstm_grader.execution.Engine.execute`."""
        executed = copy.deepcopy(notebook)
        try:
            answers = _answers_to_cut(executed["cells"])
            fork = functools.partial(self._child, answers)
            _Run(executed["cells"], _contents(files), fork, self.limits).run()
        except GraderError as error:
            raise EngineError(f"{error}") from error
        except Exception as error:  # no student code runs here: what fails is the engine
            raise EngineError(f"{type(error).__name__}: {error}") from error
        return executed

    def _child(self, answers: frozenset[str]) -> Child:
        """Fork a child; a server that has gone (out of memory, say) is started anew, once."""
        sandbox = self._sandboxes.get(answers)
        if sandbox is not None:
            try:
                return sandbox.child()
            except NoSandbox:
                sandbox.close()
        sandbox = self._sandboxes[answers] = Sandbox(self._quota, answers)
        return sandbox.child()


def _answers_to_cut(cells: list[Notebook]) -> frozenset[str]:
    """Name an assignment's functions if one of its answers may build on all else of `lstm_ref`."""
    text = "\n".join(source_of(cell) for cell in cells if _is_locked(cell))
    for name in sorted(set(re.findall(r"\bch\d\d_\w+", text))):
        module = f"lstm_ref.checks.{name}"
        if importlib.util.find_spec(module) is not None:
            exercises = importlib.import_module(module).ASSIGNMENT.exercises
            if any(exercise.may_use is None for exercise in exercises.values()):
                return frozenset(exercises)
    return _NO_ANSWERS


def _contents(folder: Path) -> dict[str, bytes]:
    """Read what lies beside a notebook."""
    found: dict[str, bytes] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink() and path.suffix != ".ipynb":
            if path.stat().st_size <= MAX_FILE_BYTES and len(found) < MAX_FILES:
                found[str(path.relative_to(folder))] = path.read_bytes()
    return found


class Gone(BaseException):
    """The student's process has ended or had to be ended; the message says how."""


class OutOfTime(BaseException):
    """A cell was stopped, and the student's process goes on."""


class _Refused(Exception):
    """A function that is not lent."""


class _Run:
    """One submission's run: its process, its time, and which cells must not run again."""

    def __init__(
        self,
        cells: list[Notebook],
        files: dict[str, bytes],
        fork: Callable[[], Child],
        limits: Limits,
    ) -> None:
        self.cells = cells
        self.files = files
        self.fork = fork
        self.limits = limits
        self.end = time.monotonic() + limits.submission
        self.poisoned: set[int] = set()
        self.hung_answers: set[str] = set()
        locked = [source_of(cell) for cell in cells if _is_locked(cell)]
        self.wanted = _names_in(locked)
        self.space: dict[str, Any] = {"__name__": "__main__"}

    def run(self) -> None:
        """Run all code cells once, in as many processes as that takes."""
        todo = [n for n, cell in enumerate(self.cells) if cell["cell_type"] == "code"]
        done: list[int] = []
        while todo:
            if len(self.poisoned) > self.limits.restarts:
                for number in todo:
                    _refuse(self.cells[number], "This cell was not run: too many before it hung.")
                return
            with contextlib.closing(Student(self.fork(), self.files)) as student:
                with contextlib.suppress(Gone):
                    for number in done:
                        self._replay(student, number)
                    while todo:
                        done.append(todo.pop(0))
                        self._first_time(student, done[-1])

    def _first_time(self, student: "Student", number: int) -> None:
        cell = self.cells[number]
        if time.monotonic() > self.end:
            allowed = f"{self.limits.submission:g} seconds"
            _refuse(cell, f"This cell was not run: the notebook had used up its {allowed}.")
        elif _is_check(cell) and self._answer_of(number) in self.hung_answers:
            _refuse(cell, "This check was not run: an earlier check of the same answer hung.")
        else:
            self._run_cell(student, number, cell)

    def _replay(self, student: "Student", number: int) -> None:
        """Bring a new process to where the last one was: the student's cells, not the checks."""
        cell = self.cells[number]
        if number not in self.poisoned and not _is_check(cell):
            self._run_cell(student, number, copy.deepcopy(cell))

    def _run_cell(self, student: "Student", number: int, cell: Notebook) -> None:
        seconds = max(1.0, min(self.limits.cell, self.end - time.monotonic()))
        student.deadline = time.monotonic() + seconds
        try:
            if not _is_check(cell):
                cell["outputs"] = student.run_cell(source_of(cell), self._imported())
            if _is_locked(cell):
                cell["outputs"] = self._judge(student, cell, seconds)
        except OutOfTime:
            _refuse(self.cells[number], _HUNG.replace("{seconds}", f"{seconds:.0f}"))
        except Gone as gone:
            _refuse(self.cells[number], str(gone).replace("{seconds}", f"{seconds:.0f}"))
            self._poison(number)
            raise
        if student.hung and number not in self.poisoned:
            self._poison(number)
            raise Gone

    def _poison(self, number: int) -> None:
        self.poisoned.add(number)
        if _is_check(self.cells[number]):
            self.hung_answers.add(self._answer_of(number))

    def _answer_of(self, number: int) -> str:
        """Name the answer that a check belongs to: the last one before it."""
        for cell in reversed(self.cells[:number]):
            if cell["metadata"].get("nbgrader", {}).get("solution"):
                return grade_id(cell)
        return ""

    def _imported(self) -> frozenset[str]:
        """Name the functions of `lstm_ref` that locked cells have imported."""
        values = self.space.items()
        return frozenset(n for n, v in values if getattr(lstm_ref, n, None) is v and callable(v))

    def _judge(self, student: "Student", cell: Notebook, seconds: float) -> list[Any]:
        """Run a locked cell in this process."""
        before = {name: value for name, value in self.space.items() if name != "__builtins__"}
        borrowed = student.names(sorted(self.wanted - before.keys()))
        space = {**before, **borrowed}
        outputs = _run_here(source_of(cell), space, seconds)
        own = {n: v for n, v in space.items() if n not in borrowed or v is not borrowed[n]}
        self.space = own
        return outputs


def _is_check(cell: Notebook) -> bool:
    marks = cell["metadata"].get("nbgrader", {})
    return bool(marks.get("grade") and not marks.get("solution"))


def _is_locked(cell: Notebook) -> bool:
    marks = cell["metadata"].get("nbgrader", {})
    locked = marks.get("locked") and not marks.get("solution")
    return cell["cell_type"] == "code" and bool(locked or _is_check(cell))


def _refuse(cell: Notebook, sentence: str) -> None:
    cell["outputs"] = [
        {"output_type": "error", "ename": NOT_RUN, "evalue": sentence, "traceback": [sentence]}
    ]


def _names_in(sources: list[str]) -> frozenset[str]:
    """Collect the names that cells use, and the words among their texts that could be names."""
    found: set[str] = set()
    for source in sources:
        try:
            tree = ast.parse(source)
        except SyntaxError:
            continue  # running it says so
        for node in ast.walk(tree):
            if isinstance(node, ast.Name):
                found.add(node.id)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                if _IDENTIFIER.fullmatch(node.value):
                    found.add(node.value)
    return frozenset(found - set(dir(builtins)))


def _run_here(source: str, space: dict[str, Any], seconds: float) -> list[Any]:
    """Execute a trusted cell as a notebook would; the value of a last expression is shown."""
    printed = io.StringIO()
    outputs: list[dict[str, Any]] = []
    shown: list[Any] = []
    failed: BaseException | None = None
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        try:
            with limited(seconds + GRACE + PATIENCE):
                body, last = _compiled(source)
                exec(body, space)
                if last is not None:
                    shown.append(eval(last, space))
        except (Gone, OutOfTime, KeyboardInterrupt):
            raise
        except TimeLimit:
            raise OutOfTime from None
        except BaseException as error:
            failed = error
    text = printed.getvalue()
    if text:
        outputs.append({"output_type": "stream", "name": "stdout", "text": text[:OUTPUT_LIMIT]})
    if shown and shown[0] is not None:
        outputs.append(
            {
                "output_type": "execute_result",
                "data": {"text/plain": repr(shown[0])},
                "metadata": {},
                "execution_count": None,
            }
        )
    if failed is not None:
        outputs.append(_error_output(failed))
    return outputs


def _compiled(source: str) -> tuple[types.CodeType, types.CodeType | None]:
    tree = ast.parse(source)
    last, end = None, tree.body[-1] if tree.body else None
    if isinstance(end, ast.Expr):
        del tree.body[-1]
        last = compile(ast.Expression(end.value), "<check>", "eval")
    return compile(tree, "<check>", "exec"), last


def _error_output(error: BaseException) -> dict[str, Any]:
    """Describe an error without a traceback: that would show the check's source."""
    name, text = type(error).__name__, str(error)[:OUTPUT_LIMIT]
    lines = text.splitlines() if name == "CheckFailed" else [f"{name}: {text}"]
    return {"output_type": "error", "ename": name, "evalue": text, "traceback": lines}


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
        deadline = min(time.monotonic() + seconds + GRACE, self.deadline)
        try:
            answer = self._talk(request, deadline, loan)
        except Gone as gone:
            if str(gone) != _HUNG or time.monotonic() > self.deadline:
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
            self._end(_BROKE)
        return value

    def _talk(
        self, request: dict[str, Any], deadline: float, loan: "_Loan | None" = None
    ) -> dict[str, Any]:
        """Send a request; lend functions until the answer comes."""
        if self.hung:
            raise Gone(_HUNG)
        try:
            send(self._child.socket, self._wire.encode(request), deadline)
            return self._listen(deadline, loan)
        except Late:
            pass
        except Closed:
            self._end(_ENDED)
        except WireError:
            self._end(_BROKE)
        try:
            self._child.interrupt()
            return self._listen(time.monotonic() + PATIENCE, None)
        except Late:
            pass
        except Closed:
            self._end(_ENDED)
        except WireError:
            self._end(_BROKE)
        self._end(_HUNG)

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
            with limited(seconds), _bounded_memory(LENT_MEMORY), np.errstate(all="ignore"):
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
def _bounded_memory(size: int) -> Iterator[None]:
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
