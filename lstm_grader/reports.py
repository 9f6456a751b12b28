"""What an instructor reads: the score table, and the CSV of the whole class.

A submission that failed has no score. It is never written as a zero, and neither is one that was
not handed in.
"""

import csv
import io
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from nbgrader.plugins import ExportPlugin

from lstm_grader.course import Course
from lstm_grader.gradebook import FAILED, GRADED, Book, opened

__all__ = ["COLUMNS", "GradesCsv", "Row", "as_csv", "as_json", "as_table", "rows", "shown"]

NOT_SUBMITTED = "not submitted"
NOT_TRIED = "not graded yet"

COLUMNS = (
    "assignment",
    "duedate",
    "timestamp",
    "student_id",
    "last_name",
    "first_name",
    "email",
    "raw_score",
    "late_submission_penalty",
    "score",
    "max_score",
    "state",
    "to_mark_by_hand",
    "reason",
)
"""nbgrader's columns in nbgrader's order, then ours."""


@dataclass(frozen=True)
class Row:
    """One student's line in the score table of an assignment.

    Attributes
    ----------
    student, assignment : str
    state : str
        ``graded``, ``failed``, ``not graded yet`` or ``not submitted``.
    score, max_score : float or None
        None unless graded.
    to_mark : int
        Answers a person still has to read.
    warnings : tuple of str
    reason : str
        Why it failed.
    feedback : str
        Path of the feedback page, if there is one.
    """

    student: str
    assignment: str
    state: str
    score: float | None = None
    max_score: float | None = None
    to_mark: int = 0
    warnings: tuple[str, ...] = ()
    reason: str = ""
    feedback: str = ""


def rows(course: Course, assignment: str) -> list[Row]:
    """Return the score table of an assignment: everyone who is known, in order.

    Raises
    ------
    GraderError
        If there is no such assignment, or no gradebook.
    """
    notebook = course.masters(assignment)[0].stem
    submitted = set(course.students(assignment))
    with opened(course) as book:
        known = sorted(submitted | set(book.students()))
        return [_row(course, book, assignment, student, notebook, submitted) for student in known]


def _row(
    course: Course, book: Book, assignment: str, student: str, notebook: str, submitted: set[str]
) -> Row:
    record = book.records(assignment).get(student)
    score = book.score(student, assignment)
    page = course.feedback(student, assignment) / f"{notebook}.html"
    feedback = str(shown(page)) if page.is_file() else ""
    if record is not None and record.state == FAILED:
        warnings: tuple[str, ...] = ()
        if score is not None:
            warnings = (f"an earlier submission's {score.score:g} points are still in nbgrader",)
        return Row(
            student,
            assignment,
            FAILED,
            reason=record.reason,
            warnings=warnings,
            feedback=feedback,
        )
    if score is None:
        return Row(student, assignment, NOT_TRIED if student in submitted else NOT_SUBMITTED)
    warnings = record.notices if record else ("graded without lstm-grader",)
    if score.unmarked_extra:
        warnings += ("extra credit does not count until the answer has a score too, 0 will do",)
    return Row(
        student,
        assignment,
        GRADED,
        score.score,
        score.max_score,
        score.to_mark,
        warnings,
        feedback=feedback,
    )


def shown(path: Path) -> Path:
    """Return a path as it is typed from here, if it lies below."""
    try:
        return path.relative_to(Path.cwd())
    except ValueError:
        return path


def as_table(table: Iterable[Row]) -> str:
    """Lay the score table out for a terminal; reasons and warnings stand below their line."""
    head = ("student", "score", "state", "feedback")
    lines = []
    for row in table:
        score = "–" if row.score is None else f"{row.score:g} / {row.max_score:g}"
        state = f"{row.state}, {row.to_mark} to mark by hand" if row.to_mark else row.state
        lines.append(((row.student, score, state, row.feedback or "–"), row))
    widths = [max(len(cells[k]) for cells in [head, *(c for c, _ in lines)]) for k in range(4)]

    def lay(cells: tuple[str, ...]) -> str:
        return "  ".join(
            cell.ljust(width) for cell, width in zip(cells, widths, strict=True)
        ).rstrip()

    text = [lay(head), "  ".join("─" * width for width in widths)]
    for cells, row in lines:
        text.append(lay(cells))
        text += [f"    {note}" for note in (row.reason, *row.warnings) if note]
    return "\n".join(text)


def as_json(table: Iterable[Row]) -> str:
    """Write the score table as JSON."""
    return json.dumps([asdict(row) for row in table], ensure_ascii=False, indent=1)


class GradesCsv(ExportPlugin):  # type: ignore[misc]
    """nbgrader's CSV export, with quoting, a state, and no score where there is none."""

    def export(self, gradebook: Any) -> None:
        """Write the gradebook to the file `to`."""
        students, assignments = set(map(str, self.student)), set(map(str, self.assignment))
        text = as_csv(Book(gradebook), students, assignments)
        Path(self.to or "grades.csv").write_text(text, encoding="utf-8", newline="")


def as_csv(
    book: Book, students: set[str] | None = None, assignments: set[str] | None = None
) -> str:
    """Write every student's line for every assignment; all of them if none are named."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for assignment in book.gradebook.assignments:
        if assignments and assignment.name not in assignments:
            continue
        for student in sorted(book.gradebook.students, key=lambda s: s.id):
            if not students or student.id in students:
                writer.writerow(_csv_row(book, assignment, student))
    return text.getvalue()


def _csv_row(book: Book, assignment: Any, student: Any) -> dict[str, Any]:
    from nbgrader.api import MissingEntry

    row = {
        "assignment": assignment.name,
        "duedate": assignment.duedate,
        "student_id": student.id,
        "last_name": student.last_name,
        "first_name": student.first_name,
        "email": student.email,
        "max_score": assignment.max_score,
        "state": NOT_SUBMITTED,
    }
    record = book.records(assignment.name).get(student.id)
    if record is not None and record.state == FAILED:
        return row | {"state": FAILED, "reason": record.reason}
    try:
        submission = book.gradebook.find_submission(assignment.name, student.id)
    except MissingEntry:
        return row
    score = book.score(student.id, assignment.name)
    assert score is not None
    return row | {
        "timestamp": submission.timestamp,
        "raw_score": submission.score,
        "late_submission_penalty": submission.late_submission_penalty,
        "score": score.score,
        "state": GRADED,
        "to_mark_by_hand": score.to_mark,
    }
