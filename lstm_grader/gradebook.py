"""nbgrader's gradebook, and beside its tables one of ours: how each submission fared.

nbgrader has no word for "could not be graded": such a submission is absent or zero there. The table
``lstm_grading`` holds a line for every submission that was tried, so that no failure passes for a
score. nbgrader's migrations leave it alone.
"""

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from lstm_grader.course import Course, GraderError
from lstm_grader.job import FAILED, GRADED

__all__ = [
    "FAILED",
    "GRADED",
    "Book",
    "GradebookError",
    "Record",
    "Score",
    "connect",
    "ensure",
    "explained",
    "opened",
    "put_record",
    "scores",
]

_METADATA = sa.MetaData()
_TABLE = sa.Table(
    "lstm_grading",
    _METADATA,
    sa.Column("student", sa.String(128), primary_key=True),
    sa.Column("assignment", sa.String(128), primary_key=True),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("notices", sa.Text, nullable=False),
    sa.Column("digest", sa.String(64), nullable=False),
    sa.Column("at", sa.String(32), nullable=False),
)


class GradebookError(GraderError):
    """A gradebook that cannot be made, opened, read or written."""


@dataclass(frozen=True)
class Record:
    """How one submission fared.

    Attributes
    ----------
    student, assignment : str
    state : str
        ``graded`` or ``failed``.
    reason : str
        Why it failed, one sentence.
    notices : tuple of str
        What was put right before grading.
    digest : str
        Hash of what was graded: the submission's files and the master.
    """

    student: str
    assignment: str
    state: str
    reason: str = ""
    notices: tuple[str, ...] = ()
    digest: str = ""


@dataclass(frozen=True)
class Score:
    """One line of nbgrader's gradebook."""

    score: float
    max_score: float
    to_mark: int
    unmarked_extra: int = 0


# nbgrader looks grades up by notebook, and has no index for it: a class of thousands gets slow.
_INDEXES = (
    ("lstm_grading_grade", "grade", "notebook_id"),
    ("lstm_grading_comment", "comment", "notebook_id"),
    ("lstm_grading_notebook", "submitted_notebook", "assignment_id"),
)


def connect(db_url: str) -> sa.Engine:
    """Return an engine whose connections are looked at before use.

    A SQLite transaction takes its lock when it begins: one that begins by reading and then cannot
    write has to be given up.
    """
    engine = sa.create_engine(db_url, pool_pre_ping=True)
    if engine.dialect.name == "sqlite":

        @sa.event.listens_for(engine, "connect")
        def _connected(connection: Any, _: Any) -> None:
            connection.isolation_level = None  # SQLAlchemy's begin, not the driver's

        @sa.event.listens_for(engine, "begin")
        def _begun(connection: sa.Connection) -> None:
            connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def ensure(course: Course) -> None:
    """Make the class's gradebook if there is none, and our tables and indexes in it.

    A SQLite file is made aside and renamed into place, and as nbgrader would make it, but for one
    thing: to learn the version of its tables nbgrader starts the program ``alembic``, which takes
    seconds and leaves half a gradebook behind where it is not on the path. We ask the library.

    Raises
    ------
    GradebookError
    """
    try:
        if not _is_there(course):
            _make(course)
        _complete(course.db_url)
    except OSError as error:
        raise GradebookError(
            f"no gradebook can be made in {course.class_folder}: {error}"
        ) from error
    except sa.exc.SQLAlchemyError as error:
        raise GradebookError(explained(course, error)) from error


def _make(course: Course) -> None:
    course.class_folder.mkdir(parents=True, exist_ok=True)
    if not course.is_sqlite:
        _create(course.db_url)
        return
    with tempfile.TemporaryDirectory(prefix=".new-", dir=course.class_folder) as folder:
        path = Path(folder) / "gradebook.db"
        _create(f"sqlite:///{path}")
        path.replace(course.gradebook)


def _is_there(course: Course) -> bool:
    """Tell whether there is a gradebook; an empty file is none: nbgrader can leave one behind."""
    if course.is_sqlite:
        return course.gradebook.exists() and course.gradebook.stat().st_size > 0
    engine = sa.create_engine(course.db_url)
    try:
        return sa.inspect(engine).has_table("alembic_version")
    finally:
        engine.dispose()


def _create(db_url: str) -> None:
    from alembic.script import ScriptDirectory
    from nbgrader.api import Base
    from nbgrader.dbutil import ALEMBIC_DIR

    version = ScriptDirectory(ALEMBIC_DIR).get_current_head()
    engine = sa.create_engine(db_url)
    with engine.begin() as connection:
        Base.metadata.create_all(connection)
        connection.execute(
            sa.text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
        )
        connection.execute(sa.text("INSERT INTO alembic_version VALUES (:v)"), {"v": version})
    engine.dispose()


def _complete(db_url: str) -> None:
    """Make what of ours is missing: plain nbgrader may have made the gradebook."""
    engine = sa.create_engine(db_url)
    with engine.begin() as connection:
        _METADATA.create_all(connection)
        for name, table, column in _INDEXES:
            connection.execute(sa.text(f"CREATE INDEX IF NOT EXISTS {name} ON {table} ({column})"))
        if engine.dialect.name != "sqlite":
            # nbgrader's assignments belong to the course "", which it never makes: SQLite does not
            # mind, database servers do.
            known = sa.text("SELECT count(*) FROM course WHERE id = ''")
            if not connection.scalar(known):
                connection.execute(sa.text("INSERT INTO course (id) VALUES ('')"))
    engine.dispose()


def explained(course: Course, error: sa.exc.SQLAlchemyError) -> str:
    """Say in one line what is wrong with a class's gradebook."""
    cause = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
    return f"the gradebook {course.gradebook_name} cannot be used: {cause}"


def put_record(connection: sa.Connection, record: Record) -> None:
    """Write down how a submission fared, in place of what was there."""
    key = (_TABLE.c.student == record.student) & (_TABLE.c.assignment == record.assignment)
    connection.execute(sa.delete(_TABLE).where(key))
    connection.execute(
        sa.insert(_TABLE).values(
            student=record.student,
            assignment=record.assignment,
            state=record.state,
            reason=record.reason,
            notices=json.dumps(record.notices, ensure_ascii=False),
            digest=record.digest,
            at=datetime.now(UTC).isoformat(timespec="seconds"),
        )
    )


@contextmanager
def opened(course: Course) -> Iterator["Book"]:
    """Open the class's gradebook.

    Raises
    ------
    GradebookError
        If there is none, or it is damaged, locked or read-only.
    """
    from nbgrader.api import Gradebook

    try:
        there = _is_there(course)
    except sa.exc.SQLAlchemyError as error:
        raise GradebookError(explained(course, error)) from error
    if not there:
        raise GradebookError(
            f"there is no gradebook at {course.gradebook_name}: grade something first"
        )
    try:
        with Gradebook(course.db_url) as gradebook:
            yield Book(gradebook)
    except sa.exc.SQLAlchemyError as error:
        raise GradebookError(explained(course, error)) from error


class Book:
    """An open gradebook.

    Attributes
    ----------
    gradebook : nbgrader.api.Gradebook
    """

    def __init__(self, gradebook: Any) -> None:
        self.gradebook = gradebook
        _METADATA.create_all(gradebook.engine)  # plain nbgrader may have made it

    def records(self, assignment: str) -> dict[str, Record]:
        """Return how each submission of an assignment fared, by student."""
        rows = self.gradebook.db.execute(sa.select(_TABLE).where(_TABLE.c.assignment == assignment))
        return {
            row.student: Record(
                row.student,
                row.assignment,
                row.state,
                row.reason,
                tuple(json.loads(row.notices)),
                row.digest,
            )
            for row in rows
        }

    def students(self) -> list[str]:
        """Return all students nbgrader knows, in order."""
        return sorted(student.id for student in self.gradebook.students)

    def score(self, student: str, assignment: str) -> Score | None:
        """Return a student's score as nbgrader has it, late penalty taken off; None without one."""
        from nbgrader.api import MissingEntry

        try:
            submission = self.gradebook.find_submission(assignment, student)
        except MissingEntry:
            return None
        grades = [grade for notebook in submission.notebooks for grade in notebook.grades]
        return Score(
            max(0.0, submission.score - (submission.late_submission_penalty or 0.0)),
            submission.max_score,
            sum(1 for grade in grades if grade.needs_manual_grade),
            sum(
                1 for g in grades if g.extra_credit and g.manual_score is None and not g.auto_score
            ),
        )


def scores(course: Course, assignment: str) -> dict[str, Score]:
    """Return the scores of all students who have one."""
    with opened(course) as book:
        found = {name: book.score(name, assignment) for name in book.students()}
    return {name: score for name, score in found.items() if score is not None}
