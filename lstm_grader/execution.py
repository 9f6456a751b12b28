"""Running a submission's cells: the engine, which later work replaces.

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
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

from lstm_grader.course import GraderError
from lstm_grader.masters import Notebook, grade_id, source_of

if TYPE_CHECKING:
    from lstm_grader.kernel import Kernel

__all__ = ["NOT_RUN", "Engine", "EngineError", "KernelEngine", "Limits"]

NOT_RUN = "NotRun"
"""Name of the error that an engine writes into a cell it had to stop or leave out."""


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


class _Stuck(Exception):
    """A cell that could not be interrupted, or that ended its kernel: a new kernel is needed."""


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
                _Run(executed["cells"], folder, Path(scratch) / "profile", self.limits).run()
            except EngineError:
                raise
            except Exception as error:  # student code runs elsewhere: what fails here is the engine
                raise EngineError(f"{type(error).__name__}: {error}") from error
        return executed


class _Run:
    """One submission's run: the kernel, its time, and which cells must not run again."""

    def __init__(self, cells: list[Notebook], folder: Path, profile: Path, limits: Limits) -> None:
        self.cells = cells
        self.folder = folder
        self.profile = profile
        self.limits = limits
        self.end = time.monotonic() + limits.submission
        self.poisoned: set[int] = set()
        self.hung_answers: set[str] = set()

    def run(self) -> None:
        """Run all code cells once, in as many kernels as that takes."""
        todo = [n for n, cell in enumerate(self.cells) if cell["cell_type"] == "code"]
        done: list[int] = []
        while todo:
            if len(self.poisoned) > self.limits.restarts:
                for number in todo:
                    _refuse(self.cells[number], "This cell was not run: too many before it hung.")
                return
            with self._kernel() as kernel, suppress(_Stuck):
                for number in done:
                    self._replay(kernel, number)
                while todo:
                    done.append(todo.pop(0))
                    self._first_time(kernel, done[-1])

    @contextmanager
    def _kernel(self) -> Iterator["Kernel"]:
        from lstm_grader.kernel import Kernel  # slow to load, and not always needed

        try:
            kernel = Kernel(self.folder, self.profile)
        except (RuntimeError, OSError) as error:
            raise EngineError(f"no kernel could be started: {error}") from error
        try:
            yield kernel
        finally:
            kernel.close()

    def _first_time(self, kernel: "Kernel", number: int) -> None:
        cell = self.cells[number]
        if time.monotonic() > self.end:
            allowed = f"{self.limits.submission:g} seconds"
            _refuse(cell, f"This cell was not run: the notebook had used up its {allowed}.")
        elif _is_check(cell) and self._answer_of(number) in self.hung_answers:
            _refuse(cell, "This check was not run: an earlier check of the same answer hung.")
        else:
            self._run_cell(kernel, number, cell)

    def _replay(self, kernel: "Kernel", number: int) -> None:
        """Bring a new kernel to where the last one was: the student's cells, not the checks."""
        cell = self.cells[number]
        if number not in self.poisoned and not _is_check(cell):
            self._run_cell(kernel, number, copy.deepcopy(cell))

    def _run_cell(self, kernel: "Kernel", number: int, cell: Notebook) -> None:
        from lstm_grader.kernel import KernelDied, TimedOut

        seconds = max(1.0, min(self.limits.cell, self.end - time.monotonic()))
        try:
            cell["outputs"] = kernel.run(source_of(cell), seconds)
            return
        except TimedOut as late:
            obeyed = late.obeyed
            sentence = (
                f"This cell did not finish within {seconds:.0f} seconds and was stopped. "
                "Look for a loop that never ends."
            )
        except KernelDied:
            obeyed = False
            sentence = "This cell ended the Python process it ran in."
        _refuse(self.cells[number], sentence)
        if not obeyed:
            self.poisoned.add(number)
            if _is_check(cell):
                self.hung_answers.add(self._answer_of(number))
            raise _Stuck

    def _answer_of(self, number: int) -> str:
        """Name the answer that a check belongs to: the last one before it."""
        for cell in reversed(self.cells[:number]):
            if cell["metadata"].get("nbgrader", {}).get("solution"):
                return grade_id(cell)
        return ""


def _is_check(cell: Notebook) -> bool:
    return bool(cell["metadata"].get("nbgrader", {}).get("grade"))


def _refuse(cell: Notebook, sentence: str) -> None:
    cell["outputs"] = [
        {"output_type": "error", "ename": NOT_RUN, "evalue": sentence, "traceback": [sentence]}
    ]
