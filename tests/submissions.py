"""Answers, right and wrong, put into the released notebooks and graded as submissions are.

Nothing here knows how a check works: an answer goes into the cell where a student writes it, the
notebook goes through `lstm_grader` (repaired, sanitised, executed, recorded in a gradebook), and
what comes back is read from the gradebook and from the graded notebook.

To start a kernel a hundred times would take minutes. A `WarmEngine` executes each notebook in a
process of its own as well, but forked from one that has everything loaded; a test compares it with
`KernelEngine`.
"""

import ast
import contextlib
import copy
import json
import os
import pathlib
import subprocess
import sys
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from nbgrader.api import Gradebook

from lstm_grader import grading
from lstm_grader.collect import collect
from lstm_grader.course import Course
from lstm_grader.crew import InProcess
from lstm_grader.execution import Engine
from lstm_grader.masters import grade_id, read_master, source_of, to_text
from lstm_ref.checks import Assignment
from lstm_ref.checks.exercise import Exercise, Misconception
from tests.catalogue import ROOT

__all__ = [
    "Submission",
    "WarmEngine",
    "answers_of",
    "carrying",
    "exercises_in",
    "graded",
    "master_answers",
    "rounds",
]


class Submission(NamedTuple):
    """What came back: points lost and messages, by grade id of the check; the score of all."""

    lost: dict[str, float]
    said: dict[str, str]
    score: float

    def lost_by(self, function: str) -> dict[str, float]:
        """Return the points lost in the checks of one function."""
        names = (f"test_{function}", f"hidden_{function}")
        return {
            name: points
            for name, points in self.lost.items()
            if name in names or name.startswith(f"hidden_{function}_")
        }


def answers_of(path: pathlib.Path) -> dict[str, str]:
    """Cut a file of answers into answer cells; what is between them goes before the next one."""
    source = path.read_text(encoding="utf-8")
    lines, cells, start = source.splitlines(keepends=True), {}, 0
    names = exercises_in(path.parent.name)
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef) and node.name in names:
            cells[node.name] = "".join(lines[start : node.end_lineno])
            start = node.end_lineno or 0
    return cells


def master_answers(name: str) -> dict[str, str]:
    """Return the answer cells of the instructors' master."""
    (path,) = (ROOT / "solutions" / name).glob("*.ipynb")
    return {
        grade_id(cell): source_of(cell)
        for cell in read_master(path)["cells"]
        if grade_id(cell) in exercises_in(name)
    }


def exercises_in(name: str) -> list[str]:
    """Return the functions of an assignment as the released notebook asks for them."""
    return [
        grade_id(cell)
        for cell in released(name)["cells"]
        if cell["cell_type"] == "code" and cell["metadata"].get("nbgrader", {}).get("solution")
    ]


def released(name: str) -> dict[str, Any]:
    """Read the notebook that students get."""
    (path,) = (ROOT / "exercises" / name).glob("*.ipynb")
    return read_master(path)


def carrying(assignment: Assignment, exercise: Exercise, wrong: Misconception) -> str:
    """Write the answer cell that makes a mistake: it calls the catalogue's implementation."""
    module = f"lstm_ref.checks.mistakes.ch{assignment.name.replace('-', '_')}"
    return (
        f"def {exercise.name}(*args, **kwargs):\n"
        f"    from {module} import mistakes\n"
        "    from lstm_ref.checks.calling import provided\n\n"
        f"    wrong = mistakes.named({exercise.name!r}, {wrong.name!r}).wrong\n"
        "    return provided(wrong)(*args, **kwargs)\n"
    )


def rounds(assignment: Assignment) -> Iterator[dict[str, Misconception]]:
    """Share out the misconceptions: each round has one of every function that has any left.

    The last rounds have a single one, in the function with the longest list.
    """
    exercises = assignment.exercises.values()
    for k in range(max(len(exercise.misconceptions) for exercise in exercises)):
        yield {e.name: e.misconceptions[k] for e in exercises if k < len(e.misconceptions)}


class WarmEngine:
    """Runs a notebook in a fresh process, forked from one that has loaded what notebooks load."""

    trusted_only = True

    def __init__(self) -> None:
        environment = os.environ | {"MPLBACKEND": "agg", "OPENBLAS_NUM_THREADS": "1"}
        self._server = subprocess.Popen(
            [sys.executable, "-m", "tests.warm"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
            env=environment,
            text=True,
        )

    def execute(self, notebook: dict[str, Any], files: pathlib.Path) -> dict[str, Any]:
        """Run every code cell in order; see `lstm_grader.execution.Engine`."""
        executed = copy.deepcopy(notebook)
        code = [cell for cell in executed["cells"] if cell["cell_type"] == "code"]
        assert self._server.stdin and self._server.stdout
        self._server.stdin.write(json.dumps([source_of(cell) for cell in code]) + "\n")
        self._server.stdin.flush()
        for cell, outputs in zip(code, json.loads(self._server.stdout.readline()), strict=True):
            cell["outputs"] = outputs
        return executed

    def close(self) -> None:
        """End the process."""
        self._server.communicate()


def graded(
    name: str,
    submissions: Mapping[str, Mapping[str, str]],
    folder: pathlib.Path,
    engine: Engine | None = None,
) -> dict[str, Submission]:
    """Hand in and grade notebooks.

    Parameters
    ----------
    name : str
        The assignment.
    submissions : mapping of str to mapping of str to str
        By student, the source of each answer cell.
    folder : Path
        Empty; becomes the class.
    engine : Engine, optional
        A `WarmEngine` if left out.

    Returns
    -------
    dict of str to Submission
    """
    course = Course(ROOT, folder / "class")
    notebook = released(name)
    (path,) = (ROOT / "exercises" / name).glob("*.ipynb")
    for student, answers in submissions.items():
        inbox = folder / "inbox" / student
        inbox.mkdir(parents=True)
        (inbox / path.name).write_text(to_text(_answered(notebook, answers)), encoding="utf-8")
    collect(course, name, folder / "inbox")
    with contextlib.closing(WarmEngine()) as warm:
        for one in grading.autograde(course, name, InProcess(engine or warm)):
            assert one.state == "graded" and not one.notices, one
    return {student: _result(course, name, student, path.name) for student in submissions}


def _answered(notebook: dict[str, Any], answers: Mapping[str, str]) -> dict[str, Any]:
    filled = copy.deepcopy(notebook)
    for cell in filled["cells"]:
        if grade_id(cell) in answers:
            cell["source"] = answers[grade_id(cell)]
    return filled


def _result(course: Course, name: str, student: str, file: str) -> Submission:
    lost, total = {}, 0.0
    with Gradebook(course.db_url) as book:
        for grade in book.find_submission(name, student).notebooks[0].grades:
            total += grade.score
            if grade.max_score != grade.score:
                lost[grade.name] = grade.max_score - grade.score
    executed = read_master(course.autograded(student, name) / file)
    said = {
        grade_id(cell): output["evalue"]
        for cell in executed["cells"]
        for output in cell.get("outputs", [])
        if output["output_type"] == "error"
    }
    return Submission(lost, said, total)
