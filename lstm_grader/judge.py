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
import importlib
import importlib.util
import io
import re
import time
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lstm_ref
from lstm_grader import remote
from lstm_grader.course import GraderError
from lstm_grader.execution import EngineError, Limits, Run, hung, is_check, refuse
from lstm_grader.masters import Notebook, source_of
from lstm_grader.remote import (
    HUNG,
    OUTPUT_LIMIT,
    Gone,
    OutOfTime,
    Student,
)
from lstm_grader.sandbox import Child, NoSandbox, Quota, Sandbox
from lstm_ref.checks.calling import TimeLimit, limited

__all__ = ["SandboxEngine", "run_here"]

_NO_ANSWERS: frozenset[str] = frozenset()
MAX_FILES, MAX_FILE_BYTES = 200, 16_000_000
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
            _SandboxRun(executed["cells"], _contents(files), fork, self.limits).run()
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


class _SandboxRun(Run):
    """A run in sandboxed processes, judged here."""

    def __init__(
        self,
        cells: list[Notebook],
        files: dict[str, bytes],
        fork: Callable[[], Child],
        limits: Limits,
    ) -> None:
        super().__init__(cells, limits)
        self.files = files
        self.fork = fork
        locked = [source_of(cell) for cell in cells if _is_locked(cell)]
        self.wanted = _names_in(locked)
        self.space: dict[str, Any] = {"__name__": "__main__"}

    def process(self) -> "contextlib.closing[Student]":
        """Start a student's process."""
        return contextlib.closing(Student(self.fork(), self.files))

    def run_cell(self, process: Student, number: int, cell: Notebook, seconds: float) -> None:
        """Run a student's cell there, a locked one here."""
        process.deadline = time.monotonic() + seconds
        try:
            if not is_check(cell):
                cell["outputs"] = process.run_cell(source_of(cell), self._imported())
            if _is_locked(cell):
                cell["outputs"] = self._judge(process, cell, seconds)
        except OutOfTime:
            refuse(self.cells[number], hung(seconds))
        except Gone as gone:
            sentence = str(gone)
            refuse(self.cells[number], hung(seconds) if sentence == HUNG else sentence)
            self.lose(number)
        if process.hung and number not in self.poisoned:
            self.lose(number)

    def _imported(self) -> frozenset[str]:
        """Name the functions of `lstm_ref` that locked cells have imported."""
        values = self.space.items()
        return frozenset(n for n, v in values if getattr(lstm_ref, n, None) is v and callable(v))

    def _judge(self, student: "Student", cell: Notebook, seconds: float) -> list[Any]:
        """Run a locked cell in this process."""
        before = {name: value for name, value in self.space.items() if name != "__builtins__"}
        borrowed = student.names(sorted(self.wanted - before.keys()))
        space = {**before, **borrowed}
        outputs = run_here(source_of(cell), space, seconds)
        own = {n: v for n, v in space.items() if n not in borrowed or v is not borrowed[n]}
        self.space = own
        return outputs


def _is_locked(cell: Notebook) -> bool:
    marks = cell["metadata"].get("nbgrader", {})
    locked = marks.get("locked") and not marks.get("solution")
    return cell["cell_type"] == "code" and bool(locked or is_check(cell))


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


def run_here(source: str, space: dict[str, Any], seconds: float) -> list[Any]:
    """Execute a trusted cell as a notebook would; the value of a last expression is shown."""
    printed = io.StringIO()
    outputs: list[dict[str, Any]] = []
    shown: list[Any] = []
    failed: BaseException | None = None
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        try:
            with limited(
                seconds + 2 * remote.GRACE + remote.PATIENCE
            ):  # after all that a call may take
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
