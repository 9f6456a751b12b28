"""Running a submission's cells: what every engine does, and the engine for trusted work.

An engine takes a notebook whose cells are all in their roles, and gives it back with outputs. All
that follows (points, late penalties, feedback) is read from those outputs, so another engine needs
to know nothing of gradebooks, folders or commands.

`KernelEngine` runs the notebook in an ordinary Jupyter kernel of this machine. Student code can do
there what its user can do: it is for trusted work only.

What an endless loop costs: a cell is stopped after `Limits.cell` seconds. Inside a function the
checks themselves stop a call after a few seconds, so a function that never returns costs that once
for each of its checks. A cell that cannot even be interrupted, or that ends the kernel, costs its
time once: the kernel is started anew, the student's other cells are run again, and the remaining
checks of that one answer are not run at all. Everything together stops at `Limits.submission`.
"""

import copy
import shutil
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn, Protocol

from lstm_grader.course import GraderError
from lstm_grader.masters import Notebook, grade_id, source_of

if TYPE_CHECKING:
    from lstm_grader.kernel import Kernel

__all__ = [
    "ENDED",
    "NOT_RUN",
    "Engine",
    "EngineError",
    "KernelEngine",
    "Limits",
    "Lost",
    "Run",
    "hung",
    "is_check",
    "refuse",
]

NOT_RUN = "NotRun"
"""Name of the error that an engine writes into a cell it had to stop or leave out."""

ENDED = "This cell ended the Python process it ran in."


class EngineError(GraderError):
    """The engine itself failed: nothing is known about the submission, and no grade is given."""


class Limits(NamedTuple):
    """Seconds for one cell and for a whole submission; how often a kernel may be started anew.

    A cell may take longer than the longest call that a check allows, 60 seconds for the capstone's
    training: the check then says what was too slow, and its other answers keep their points.
    """

    cell: float = 75.0
    submission: float = 300.0
    restarts: int = 3


class Engine(Protocol):
    """What runs notebooks."""

    trusted_only: bool

    def execute(self, notebook: Notebook, files: Path) -> Notebook:
        """Run every code cell in order.

        Parameters
        ----------
        notebook : dict
            Format 4.5, without outputs; left as it is.
        files : Path
            What lies beside the notebook. The run sees a copy, and never the notebook itself.

        Returns
        -------
        dict
            A copy with outputs. A failed cell holds an ``error`` output; the run goes on after it.

        Raises
        ------
        EngineError
            If the engine failed for reasons of its own.
        """


class Lost(Exception):
    """The process that cells ran in is gone, or does not obey any more: a new one is needed."""


class Run(ABC):
    """One submission's run: its time, its processes, and which cells must not run again.

    Parameters
    ----------
    cells : list of dict
        Their outputs are written into them.
    limits : Limits
    """

    def __init__(self, cells: list[Notebook], limits: Limits) -> None:
        self.cells = cells
        self.limits = limits
        self.end = time.monotonic() + limits.submission
        self.poisoned: set[int] = set()
        self.hung_answers: set[str] = set()

    @abstractmethod
    def process(self) -> AbstractContextManager[Any]:
        """Start a process to run cells in, and end it."""

    @abstractmethod
    def run_cell(self, process: Any, number: int, cell: Notebook, seconds: float) -> None:
        """Run a cell and write its outputs; `lose` the process if it did not survive that."""

    def run(self) -> None:
        """Run all code cells once, in as many processes as that takes."""
        todo = [n for n, cell in enumerate(self.cells) if cell["cell_type"] == "code"]
        done: list[int] = []
        while todo:
            if len(self.poisoned) > self.limits.restarts:
                for number in todo:
                    refuse(self.cells[number], "This cell was not run: too many before it hung.")
                return
            with self.process() as process, suppress(Lost):
                for number in done:
                    self._replay(process, number)
                while todo:
                    done.append(todo.pop(0))
                    self._first_time(process, done[-1])

    def lose(self, number: int) -> NoReturn:
        """Give up the process that a cell has ended or hung; the cell will not run again."""
        self.poisoned.add(number)
        if is_check(self.cells[number]):
            self.hung_answers.add(self._answer_of(number))
        raise Lost

    def _first_time(self, process: Any, number: int) -> None:
        cell = self.cells[number]
        if time.monotonic() > self.end:
            allowed = f"{self.limits.submission:g} seconds"
            refuse(cell, f"This cell was not run: the notebook had used up its {allowed}.")
        elif is_check(cell) and self._answer_of(number) in self.hung_answers:
            refuse(cell, "This check was not run: an earlier check of the same answer hung.")
        else:
            self.run_cell(process, number, cell, self._seconds())

    def _replay(self, process: Any, number: int) -> None:
        """Bring a new process to where the last one was: the student's cells, not the checks."""
        cell = self.cells[number]
        if number not in self.poisoned and not is_check(cell):
            self.run_cell(process, number, copy.deepcopy(cell), self._seconds())

    def _seconds(self) -> float:
        return max(1.0, min(self.limits.cell, self.end - time.monotonic()))

    def _answer_of(self, number: int) -> str:
        """Name the answer that a check belongs to: the last one before it."""
        for cell in reversed(self.cells[:number]):
            if cell["metadata"].get("nbgrader", {}).get("solution"):
                return grade_id(cell)
        return ""


def is_check(cell: Notebook) -> bool:
    """Tell whether a cell earns points and is not itself an answer."""
    marks = cell["metadata"].get("nbgrader", {})
    return bool(marks.get("grade") and not marks.get("solution"))


def refuse(cell: Notebook, sentence: str) -> None:
    """Write into a cell why it was stopped or left out."""
    cell["outputs"] = [
        {"output_type": "error", "ename": NOT_RUN, "evalue": sentence, "traceback": [sentence]}
    ]


def hung(seconds: float) -> str:
    """Say that a cell was stopped."""
    return (
        f"This cell did not finish within {seconds:.0f} seconds and was stopped. "
        "Look for a loop that never ends."
    )


class KernelEngine:
    """Runs notebooks in an ordinary Jupyter kernel on this machine, one at a time."""

    trusted_only = True

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()

    def execute(self, notebook: Notebook, files: Path) -> Notebook:
        """Run every code cell in order; see `Engine.execute`."""
        executed = copy.deepcopy(notebook)
        with tempfile.TemporaryDirectory(prefix="lstm-run-", ignore_cleanup_errors=True) as scratch:
            folder = Path(scratch) / "work"
            shutil.copytree(files, folder, ignore=shutil.ignore_patterns("*.ipynb"))
            try:
                _KernelRun(executed["cells"], folder, Path(scratch) / "profile", self.limits).run()
            except EngineError:
                raise
            except Exception as error:  # student code runs elsewhere: what fails here is the engine
                raise EngineError(f"{type(error).__name__}: {error}") from error
        return executed


class _KernelRun(Run):
    """A run in Jupyter kernels."""

    def __init__(self, cells: list[Notebook], folder: Path, profile: Path, limits: Limits) -> None:
        super().__init__(cells, limits)
        self.folder = folder
        self.profile = profile

    @contextmanager
    def process(self) -> Iterator["Kernel"]:
        """Start a kernel."""
        from lstm_grader.kernel import Kernel  # slow to load, and not always needed

        try:
            kernel = Kernel(self.folder, self.profile)
        except (RuntimeError, OSError) as error:
            raise EngineError(f"no kernel could be started: {error}") from error
        try:
            yield kernel
        finally:
            kernel.close()

    def run_cell(self, process: "Kernel", number: int, cell: Notebook, seconds: float) -> None:
        """Run a cell in the kernel."""
        from lstm_grader.kernel import KernelDied, TimedOut

        try:
            cell["outputs"] = process.run(source_of(cell), seconds)
        except TimedOut as late:
            refuse(self.cells[number], hung(seconds))
            if not late.obeyed:
                self.lose(number)
        except KernelDied:
            refuse(self.cells[number], ENDED)
            self.lose(number)
