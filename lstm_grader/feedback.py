"""Feedback pages: each part's points, the message of a failed check, the student's own answer.

nbgrader's generator and its gradebook are used, with a preprocessor and a page of our own: the
page shows no test's source, no traceback from inside checks or libraries, and nothing of it is
loaded from elsewhere. Whatever comes from a student is shown as text, never as markup.
"""

import ast
import logging
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nbconvert.exporters import HTMLExporter
from nbgrader.api import Gradebook
from nbgrader.converters import GenerateFeedback
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import NbGraderPreprocessor
from pygments.formatters import HtmlFormatter  # type: ignore[import-untyped]

from lstm_grader.course import Course, GraderError, UnknownName
from lstm_grader.execution import NOT_RUN
from lstm_grader.gradebook import FAILED, Book, Record, opened
from lstm_grader.release import LastError
from lstm_grader.settings import TEMPLATES

__all__ = ["Check", "CollectParts", "FeedbackExporter", "Part", "collect_parts", "generate"]

_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_OWN_FRAME = re.compile(r"\s*Cell In\[")
_FILE_OF_CELL = re.compile(r" \(\d+\.py, line \d+\)$")
_LIMIT = 4000  # characters of one message or text output


@dataclass
class Check:
    """One check of a part: what it looks at, its points, and what it found."""

    name: str
    says: str
    score: float
    points: float
    message: str = ""


@dataclass
class Part:
    """One answer and what came of it.

    Attributes
    ----------
    name : str
    answer : str
        The student's source; empty where the cell is gone.
    language : str
        ``python`` or ``text``.
    checks : list of Check
    error : str
        The error that running the answer raised, if any.
    comment : str
        A grader's words.
    by_hand : bool
        Whether a person gives the points.
    pending : bool
        Whether that person has still to read it.
    score, points : float
    """

    name: str
    answer: str = ""
    language: str = "python"
    checks: list[Check] = field(default_factory=list)
    error: str = ""
    comment: str = ""
    by_hand: bool = False
    pending: bool = False
    score: float = 0.0
    points: float = 0.0


def collect_parts(cells: Iterable[Any]) -> list[Part]:
    """Sort a graded notebook's cells into parts: an answer, and the checks that follow it.

    Parameters
    ----------
    cells : iterable of NotebookNode
        After nbgrader's `GetGrades`.
    """
    parts: list[Part] = []
    for cell in cells:
        marks = cell.metadata.get("nbgrader", {})
        if marks.get("solution"):
            parts.append(_answer(cell, marks))
        elif marks.get("grade"):
            if not parts:
                parts.append(Part("checks"))
            check = _check(cell, marks)
            parts[-1].checks.append(check)
            parts[-1].score += check.score
            parts[-1].points += check.points
    return parts


def _answer(cell: Any, marks: Any) -> Part:
    code = cell.cell_type == "code"
    part = Part(marks.grade_id, cell.source, "python" if code else "text")
    part.comment = marks.get("comment") or ""
    if code:
        errors = [output for output in cell.outputs if output.output_type == "error"]
        part.error = _own_error(errors[0]) if errors else ""
    if marks.get("grade"):
        part.by_hand = True
        part.score, part.points = marks.get("score") or 0.0, marks.get("points") or 0.0
    return part


def _check(cell: Any, marks: Any) -> Check:
    errors = [o for o in cell.get("outputs", []) if o.output_type == "error"]
    score, points = marks.get("score") or 0.0, marks.get("points") or 0.0
    message = _message(errors[0]) if errors else ""
    return Check(marks.grade_id, _docstring(cell.source), score, points, message)


def _docstring(source: str) -> str:
    """Return what a check says it checks: the only words of it that a student sees."""
    try:
        return ast.get_docstring(ast.parse(source)) or ""
    except (SyntaxError, ValueError):
        return ""


def _message(error: Any) -> str:
    """Return an error's own words, without a traceback: that would show the check's source."""
    text = _plain(error.get("evalue", ""))
    if error.ename in ("CheckFailed", NOT_RUN):
        return text
    return f"{error.ename}: {text}".strip(": ") or "The check failed."


def _own_error(error: Any) -> str:
    """Return an error of the student's own cell: the lines of it that stand in the notebook."""
    if error.ename == NOT_RUN:
        return _message(error)
    frames = []
    text = _plain("\n".join(error.get("traceback", [])))
    for block in text.split("\n\n"):
        lines = block.splitlines()
        start = next((n for n, line in enumerate(lines) if _OWN_FRAME.match(line)), None)
        if start is not None:
            kept = (line for line in lines[start:] if not line.startswith(f"{error.ename}:"))
            frames.append("\n".join(kept))
    return "\n".join([*frames, _FILE_OF_CELL.sub("", _message(error))])[:_LIMIT]


def _plain(text: str) -> str:
    return _ANSI.sub("", str(text)).replace("\0", "�")[:_LIMIT]


class FeedbackExporter(HTMLExporter):
    """Exports to our page; a class of its own, so that it can be configured apart from others."""


class CollectParts(NbGraderPreprocessor):  # type: ignore[misc]
    """Puts what the feedback page shows into its resources, and empties the notebook."""

    def preprocess(self, notebook: Any, resources: Any) -> tuple[Any, Any]:
        """Collect the parts; drop every cell, so that no template can show a hidden test."""
        info = resources["nbgrader"]
        parts = collect_parts(notebook.cells)
        with Gradebook(info["db_url"]) as gradebook:
            record = Book(gradebook).records(info["assignment"]).get(info["student"])
            place = info["notebook"], info["assignment"], info["student"]
            for part in parts:
                if part.by_hand:
                    part.pending = gradebook.find_grade(part.name, *place).needs_manual_grade
        resources["feedback"] = {
            "title": f"{info['assignment']}: {info['notebook']}",
            "student": info["student"],
            "parts": parts,
            "score": info["score"],
            "points": info["max_score"],
            "penalty": info["late_penalty"],
            "notices": record.notices if record else (),
            "failure": "",
            "css": HtmlFormatter().get_style_defs(".highlight"),
        }
        notebook.cells = []
        return notebook, resources


def generate(
    course: Course, assignment: str, students: Iterable[str] | None = None
) -> dict[str, Path]:
    """Write the feedback pages of an assignment.

    Parameters
    ----------
    course : Course
    assignment : str
    students : iterable of str, optional
        All whose submission was tried, if left out.

    Returns
    -------
    dict of str to Path
        Each student's page; a submission that could not be graded gets one that says why.

    Raises
    ------
    GraderError
        If a page could not be written; all others have been.
    """
    names = [path.stem for path in course.masters(assignment)]
    with opened(course) as book:
        records = book.records(assignment)
    chosen = sorted(records) if students is None else list(students)
    for student in chosen:
        if student not in records:
            raise UnknownName(f"{student} has no graded submission of {assignment}")
    pages, problems = {}, []
    for student in chosen:
        folder = course.feedback(student, assignment)
        page = folder / f"{names[0]}.html"
        if records[student].state == FAILED:
            for path in folder.glob("*.html"):
                path.unlink()
            folder.mkdir(parents=True, exist_ok=True)
            page.write_text(_failure_page(course, names[0], records[student]), encoding="utf-8")
        else:
            try:
                _run_nbgrader(course, assignment, student)
            except GraderError as error:
                problems.append(str(error))
                continue
        pages[student] = page
    if problems:
        raise GraderError("\n".join(problems))
    return pages


def _run_nbgrader(course: Course, assignment: str, student: str) -> None:
    config = course.config()
    log = logging.getLogger(f"lstm_grader.feedback.{assignment}.{student}")
    log.propagate = False
    messages = LastError()
    log.handlers = [messages]
    directory = CourseDirectory(config=config, log=log)
    directory.assignment_id, directory.student_id = assignment, student
    converter = GenerateFeedback(coursedir=directory, config=config, log=log)
    converter.force = True
    try:
        converter.start()
    except Exception as error:
        reason = messages.text or error
        raise GraderError(f"no feedback can be written for {student}: {reason}") from error


def _failure_page(course: Course, notebook: str, record: Record) -> str:
    from nbformat.v4 import new_notebook

    exporter = HTMLExporter(  # type: ignore[no-untyped-call]
        template_name="lstm_feedback", extra_template_basedirs=[str(TEMPLATES)]
    )
    feedback = {
        "title": f"{record.assignment}: {notebook}",
        "student": record.student,
        "parts": [],
        "notices": record.notices,
        "failure": record.reason,
        "css": "",
    }
    page, _ = exporter.from_notebook_node(
        new_notebook(),  # type: ignore[no-untyped-call]
        {"feedback": feedback},
    )
    return str(page)
