"""Writing outcomes into nbgrader's gradebook, each in one transaction.

nbgrader's own way opens the gradebook a dozen times for a submission and commits after every cell,
so a program that is stopped leaves half of one behind. Here a submission's rows, its points, its
late penalty and the line in ``lstm_grading`` appear together or not at all. What a person has
written, manual scores, extra credit, comments, extensions, is left as it is; an answer with a
manual score is to be looked at again, as nbgrader has it.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

import sqlalchemy as sa
from nbgrader import api

from lstm_grader.course import Course
from lstm_grader.gradebook import GradebookError, Record, Score, connect, explained, put_record
from lstm_grader.scoring import Scored

__all__ = ["Recorder"]

PATIENCE = 60.0  # seconds to wait for a gradebook that is locked, or a database that restarts
Result = TypeVar("Result")

_STUDENT = api.Student.__table__
_SUBMISSION = api.SubmittedAssignment.__table__
_NOTEBOOK = api.SubmittedNotebook.__table__
_GRADE = api.Grade.__table__
_COMMENT = api.Comment.__table__


@dataclass(frozen=True)
class _Cells:
    """One notebook of the assignment: its id, and its cells' ids by name."""

    id: str
    graded: Mapping[str, str]
    answers: Mapping[str, str]  # those that comments are written on


class Recorder:
    """An assignment in the gradebook, open for writing; a context manager.

    Parameters
    ----------
    course : Course
    assignment : str
        Registered already.
    penalty : callable
        ``penalty(student, score, seconds_late)`` gives the points to take off, or None.

    Raises
    ------
    GradebookError
        If it cannot be read or written.
    """

    def __init__(
        self,
        course: Course,
        assignment: str,
        penalty: Callable[[str, float, float], float | None],
    ) -> None:
        self.course, self.assignment, self.penalty = course, assignment, penalty
        self.engine = connect(course.db_url)
        try:
            self._patiently(self._read)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> "Recorder":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let the gradebook go."""
        self.engine.dispose()

    def _read(self, connection: sa.Connection) -> None:
        """Learn the assignment's cells, and see that the gradebook can be written."""
        assignment = api.Assignment.__table__
        found = connection.execute(
            sa.select(assignment.c.id, assignment.c.duedate).where(
                assignment.c.name == self.assignment
            )
        ).one()
        self.id, self.duedate = found
        self.notebooks: dict[str, _Cells] = {}
        self.max_score = 0.0
        self.sources: dict[str, dict[str, Any]] = {}
        notebook, base = api.Notebook.__table__, api.BaseCell.__table__
        for row in connection.execute(
            sa.select(notebook.c.id, notebook.c.name).where(notebook.c.assignment_id == self.id)
        ).all():
            cells: dict[str, dict[str, str]] = {}
            for cell in connection.execute(
                sa.select(base.c.id, base.c.name, base.c.type).where(base.c.notebook_id == row.id)
            ):
                cells.setdefault(cell.type, {})[cell.name] = cell.id
            grades, tasks = cells.get("GradeCell", {}), cells.get("TaskCell", {})
            answers = cells.get("SolutionCell", {})
            self.notebooks[row.name] = _Cells(row.id, {**grades, **tasks}, {**answers, **tasks})
            for kind in (api.GradeCell, api.TaskCell):
                self.max_score += sum(
                    connection.scalars(
                        sa.select(kind.__table__.c.max_score)
                        .join(base, base.c.id == kind.__table__.c.id)
                        .where(base.c.notebook_id == row.id)
                    )
                )
            source = api.SourceCell.__table__
            self.sources[row.name] = {
                cell.name: cell
                for cell in connection.execute(
                    sa.select(source).where(source.c.notebook_id == row.id)
                )
            }
        # A write that changes nothing: now is the time to learn that it is not allowed.
        connection.execute(sa.update(assignment).values(name=self.assignment).where(sa.false()))
        connection.execute(sa.update(_STUDENT).values(id=_STUDENT.c.id).where(sa.false()))

    def failed(self, record: Record) -> None:
        """Write down that a submission could not be graded; its earlier points stay."""

        def write(connection: sa.Connection) -> None:
            self._student(connection, record.student)
            put_record(connection, record)

        self._patiently(write)

    def graded(
        self, record: Record, scored: Mapping[str, Scored], handed_in: datetime | None
    ) -> Score:
        """Write down what a submission has earned; return its score with the late penalty off."""
        return self._patiently(lambda c: self._graded(c, record, scored, handed_in))

    def _graded(
        self,
        connection: sa.Connection,
        record: Record,
        scored: Mapping[str, Scored],
        handed_in: datetime | None,
    ) -> Score:
        self._student(connection, record.student)
        submission, late = self._submission(connection, record.student, handed_in)
        total, taken_off, to_mark, unmarked = 0.0, 0.0, 0, 0
        for name, cells in self.notebooks.items():
            notebook = self._notebook(connection, submission, cells.id)
            marks = self._grades(connection, notebook, cells, scored[name].points)
            self._comments(connection, notebook, cells, scored[name].untouched)
            score = sum(mark.score for mark in marks)
            penalty = self._penalty(record.student, score, late)
            connection.execute(
                sa.update(_NOTEBOOK)
                .where(_NOTEBOOK.c.id == notebook)
                .values(late_submission_penalty=penalty)
            )
            total, taken_off = total + score, taken_off + (penalty or 0.0)
            to_mark += sum(mark.to_mark for mark in marks)
            unmarked += sum(mark.unmarked_extra for mark in marks)
        put_record(connection, record)
        return Score(max(0.0, total - taken_off), self.max_score, to_mark, unmarked)

    def _student(self, connection: sa.Connection, student: str) -> None:
        known = connection.scalar(sa.select(_STUDENT.c.id).where(_STUDENT.c.id == student))
        if known is None:
            connection.execute(sa.insert(_STUDENT).values(id=student))

    def _submission(
        self, connection: sa.Connection, student: str, handed_in: datetime | None
    ) -> tuple[str, float]:
        """Return the submission's id, new if need be, and how many seconds late it was."""
        key = (_SUBMISSION.c.assignment_id == self.id) & (_SUBMISSION.c.student_id == student)
        row = connection.execute(sa.select(_SUBMISSION).where(key)).one_or_none()
        timestamp = handed_in if handed_in is not None or row is None else row.timestamp
        if row is None:
            identifier = api.new_uuid()
            connection.execute(
                sa.insert(_SUBMISSION).values(
                    id=identifier,
                    assignment_id=self.id,
                    student_id=student,
                    timestamp=timestamp,
                )
            )
        else:
            identifier = row.id
            connection.execute(
                sa.update(_SUBMISSION)
                .where(_SUBMISSION.c.id == identifier)
                .values(timestamp=timestamp)
            )
        due = self.duedate
        if due is not None and row is not None and row.extension is not None:
            due += row.extension
        if timestamp is None or due is None:
            return identifier, 0.0
        return identifier, max(0.0, (timestamp - due).total_seconds())

    def _notebook(self, connection: sa.Connection, submission: str, notebook: str) -> str:
        key = (_NOTEBOOK.c.assignment_id == submission) & (_NOTEBOOK.c.notebook_id == notebook)
        found: str | None = connection.scalar(sa.select(_NOTEBOOK.c.id).where(key))
        if found is None:
            found = str(api.new_uuid())
            connection.execute(
                sa.insert(_NOTEBOOK).values(
                    id=found, assignment_id=submission, notebook_id=notebook
                )
            )
        return found

    def _grades(
        self,
        connection: sa.Connection,
        notebook: str,
        cells: _Cells,
        points: Mapping[str, float | None],
    ) -> list["_Mark"]:
        before = {
            row.cell_id: row
            for row in connection.execute(
                sa.select(
                    _GRADE.c.id, _GRADE.c.cell_id, _GRADE.c.manual_score, _GRADE.c.extra_credit
                ).where(_GRADE.c.notebook_id == notebook)
            )
        }
        marks, new, changed = [], [], []
        for name, cell in cells.graded.items():
            row, auto = before.get(cell), points.get(name)
            manual = row.manual_score if row else None
            mark = _Mark(auto, manual, row.extra_credit if row else None)
            marks.append(mark)
            if row:
                changed.append({"row": row.id, "auto": auto, "wanted": mark.to_mark})
            else:
                new.append(
                    {
                        "id": api.new_uuid(),
                        "cell_id": cell,
                        "notebook_id": notebook,
                        "auto_score": auto,
                        "needs_manual_grade": mark.to_mark,
                    }
                )
        if new:
            connection.execute(sa.insert(_GRADE), new)
        if changed:
            connection.execute(
                sa.update(_GRADE)
                .where(_GRADE.c.id == sa.bindparam("row"))
                .values(auto_score=sa.bindparam("auto"), needs_manual_grade=sa.bindparam("wanted")),
                changed,
            )
        return marks

    def _comments(
        self, connection: sa.Connection, notebook: str, cells: _Cells, untouched: list[str]
    ) -> None:
        before: dict[str, str] = dict(
            connection.execute(
                sa.select(_COMMENT.c.cell_id, _COMMENT.c.id).where(
                    _COMMENT.c.notebook_id == notebook
                )
            ).all()
        )
        new, changed = [], []
        for name, cell in cells.answers.items():
            said = "No response." if name in untouched else None
            if cell in before:
                changed.append({"row": before[cell], "said": said})
            else:
                new.append(
                    {
                        "id": api.new_uuid(),
                        "cell_id": cell,
                        "notebook_id": notebook,
                        "auto_comment": said,
                    }
                )
        if new:
            connection.execute(sa.insert(_COMMENT), new)
        if changed:
            connection.execute(
                sa.update(_COMMENT)
                .where(_COMMENT.c.id == sa.bindparam("row"))
                .values(auto_comment=sa.bindparam("said")),
                changed,
            )

    def _penalty(self, student: str, score: float, late: float) -> float | None:
        """Return what is taken off; between nothing and all there is."""
        if late <= 0:
            return None
        penalty = self.penalty(student, score, late)
        return None if penalty is None else min(max(penalty, 0.0), score)

    def _patiently(self, write: Callable[[sa.Connection], Result]) -> Result:
        """Do something in a transaction; wait where the gradebook is locked or away for a moment.

        Raises
        ------
        GradebookError
        """
        end = time.monotonic() + PATIENCE
        pause = 0.05
        while True:
            try:
                with self.engine.begin() as connection:
                    return write(connection)
            except sa.exc.SQLAlchemyError as error:
                if not _passing(error) or time.monotonic() + pause > end:
                    raise GradebookError(explained(self.course, error)) from error
            time.sleep(pause)
            pause = min(2 * pause, 5.0)


@dataclass(frozen=True)
class _Mark:
    """The points of one cell."""

    auto: float | None
    manual: float | None
    extra: float | None

    @property
    def score(self) -> float:
        """What counts: a person's points before ours, and extra credit only beside either."""
        base = self.auto if self.manual is None else self.manual
        return 0.0 if base is None else base + (self.extra or 0.0)

    @property
    def to_mark(self) -> bool:
        """Whether a person has to look at it."""
        return self.manual is not None or self.auto is None

    @property
    def unmarked_extra(self) -> bool:
        """Whether there is extra credit that does not count, for want of a score."""
        return bool(self.extra and self.manual is None and not self.auto)


def _passing(error: sa.exc.SQLAlchemyError) -> bool:
    """Tell whether it is worth trying again: someone else writes, or the server restarts."""
    if not isinstance(error, sa.exc.OperationalError | sa.exc.InterfaceError):
        return False
    text = str(error.orig).lower()
    lasting = ("readonly", "read-only", "full", "no such", "malformed", "disk i/o")
    return not any(word in text for word in lasting)
