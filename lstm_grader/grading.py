"""Grading submissions: read, repair, sanitise, execute, record; one after the other.

nbgrader's own converter sanitises, saves the points and assigns late penalties. Between its two
halves an `Engine` runs the notebook. One submission that fails is recorded as failed, with a
sentence, and the next one is graded.
"""

import copy
import logging
import tempfile
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbconvert.exporters import NotebookExporter
from nbconvert.writers.files import FilesWriter
from nbformat import from_dict, validate
from nbgrader.api import Gradebook, MissingEntry
from nbgrader.converters import Autograde
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import Execute
from nbgrader.utils import determine_grade, rmtree
from sqlalchemy.exc import SAWarning, SQLAlchemyError

from lstm_grader.course import Course, GraderError, UnknownName
from lstm_grader.execution import Engine, EngineError
from lstm_grader.gradebook import (
    FAILED,
    GRADED,
    GradebookError,
    Record,
    Score,
    ensure,
    opened,
)
from lstm_grader.masters import Notebook, grade_id, read_master, to_text
from lstm_grader.release import generate
from lstm_grader.submission import BadSubmission, digest, find_notebook, read, repair

__all__ = ["NOT_GRADED", "Graded", "MasterFails", "autograde", "grade_master"]

NOT_GRADED = "not graded"
"""State after a failure of the grader itself: nothing is recorded, and a rerun tries again."""


class MasterFails(GraderError):
    """The master's own answers do not earn all points, so nobody's grade would mean anything."""


@dataclass(frozen=True)
class Graded:
    """What became of one submission in this run.

    Attributes
    ----------
    student : str
    state : str
        ``graded``, ``failed`` or ``not graded``.
    reason : str
        Why not, one sentence.
    notices : tuple of str
    score : Score or None
    again : bool
        False if this submission had been graded before and was left alone.
    """

    student: str
    state: str
    reason: str = ""
    notices: tuple[str, ...] = ()
    score: Score | None = None
    again: bool = True


def autograde(
    course: Course,
    assignment: str,
    engine: Engine,
    students: Iterable[str] | None = None,
    force: bool = False,
) -> Iterator[Graded]:
    """Grade the collected submissions of an assignment.

    Parameters
    ----------
    course : Course
    assignment : str
    engine : Engine
    students : iterable of str, optional
        All who have submitted, if left out.
    force : bool
        Grade also what has been graded before and has not changed since.

    Yields
    ------
    Graded
        One for each student, as soon as it is known.

    Raises
    ------
    GraderError
        If the assignment cannot be graded at all.
    """
    submitted = course.students(assignment)
    chosen = submitted if students is None else list(students)
    for student in chosen:
        if student not in submitted:
            raise UnknownName(f"{student} has no collected submission of {assignment}")
    grade_master(course, assignment, engine)
    ensure(course)
    with tempfile.TemporaryDirectory(prefix="lstm-release-") as scratch:
        released = Path(scratch) / "released"
        _register(course, assignment, released)
        notebooks = {path.stem: read_master(path) for path in sorted(released.glob("*.ipynb"))}
    master = digest(course.solutions / assignment)
    for student in chosen:
        yield _grade(course, assignment, student, engine, notebooks, master, force)


def _register(course: Course, assignment: str, target: Path) -> None:
    """Bring the assignment's cells in the gradebook up to date; leave the released form behind."""
    try:
        generate(course, assignment, target, course.db_url)
    except GraderError as error:
        if "submissions associated" in str(error):
            raise GradebookError(
                f"{assignment} has gained or lost graded cells since work was graded in "
                f"{course.class_folder}; use a new class folder, or take the assignment out with  "
                f"nbgrader db assignment remove {assignment}"
            ) from error
        raise


def grade_master(course: Course, assignment: str, engine: Engine) -> dict[str, float]:
    """Run the masters of an assignment as the engine runs submissions.

    Returns
    -------
    dict of str to float
        The points of every automatically graded cell.

    Raises
    ------
    MasterFails
        If a cell does not earn its points: the answer is wrong, or the engine's surroundings are.
    """
    points: dict[str, float] = {}
    for path in course.masters(assignment):
        executed = _execute(engine, read_master(path), path.parent)
        for cell in executed["cells"]:
            marks = cell["metadata"].get("nbgrader", {})
            if not marks.get("grade") or marks.get("solution"):
                continue
            earned, possible = determine_grade(_node(cell))
            if earned != possible:
                raise MasterFails(
                    f"{path}: the master's own answer earns {earned:g} of {possible:g} at "
                    f"{grade_id(cell)}: {_error_in(cell)}"
                )
            points[grade_id(cell)] = possible
    return points


def _error_in(cell: Notebook) -> str:
    errors = [o for o in cell["outputs"] if o["output_type"] == "error"]
    if not errors:
        return "partial credit"
    return f"{errors[0]['ename']}: {errors[0]['evalue']}"


def _execute(engine: Engine, notebook: Notebook, files: Path) -> Notebook:
    """Run a notebook, and keep chatter from costing points.

    nbgrader takes any text on the error stream for a failed check. A correct answer that prints
    there would silently earn nothing; a check that fails raises.
    """
    executed = engine.execute(notebook, files)
    for cell in executed["cells"]:
        if cell["cell_type"] == "code" and cell["metadata"].get("nbgrader", {}).get("grade"):
            for output in cell["outputs"]:
                if output["output_type"] == "stream":
                    output["name"] = "stdout"
    return executed


def _node(notebook: Notebook) -> Any:
    return from_dict(notebook)  # type: ignore[no-untyped-call]


def _grade(
    course: Course,
    assignment: str,
    student: str,
    engine: Engine,
    released: dict[str, Notebook],
    master: str,
    force: bool,
) -> Graded:
    """Grade one submission; whatever happens to it stays with it."""
    log = _logger(course, assignment, student)
    try:
        stamp = f"{master[:32]}{_digest(course.submitted(student, assignment))[:32]}"
        with opened(course) as book:
            before = book.records(assignment).get(student)
            there = course.autograded(student, assignment).is_dir()
            if before and before.state == GRADED and before.digest == stamp and there and not force:
                score = book.score(student, assignment)
                return Graded(student, GRADED, "", before.notices, score, again=False)
        try:
            notices = _grade_files(course, assignment, student, engine, released, log)
            record = Record(student, assignment, GRADED, "", tuple(notices), stamp)
        except BadSubmission as error:
            log.error(str(error))
            record = Record(student, assignment, FAILED, str(error), (), stamp)
        with opened(course) as book:
            book.record(record)
            score = book.score(student, assignment) if record.state == GRADED else None
        return Graded(student, record.state, record.reason, record.notices, score)
    except (EngineError, GradebookError, OSError) as error:
        log.exception("not graded")
        return Graded(student, NOT_GRADED, f"{error}")
    finally:
        for handler in log.handlers:
            handler.close()
        log.handlers = []


def _digest(folder: Path) -> str:
    try:
        return digest(folder)
    except PermissionError:  # reading the notebook will say so
        return ""


def _grade_files(
    course: Course,
    assignment: str,
    student: str,
    engine: Engine,
    released: dict[str, Notebook],
    log: logging.Logger,
) -> list[str]:
    """Read, repair, run and record the notebooks of one submission; return what was put right."""
    folder = course.submitted(student, assignment)
    notices: list[str] = []
    repaired = {}
    for name, form in released.items():
        repaired[name], found = repair(read(find_notebook(folder, name)), form)
        notices += found
    for notice in notices:
        log.warning(notice)
    directory = CourseDirectory(config=course.config(), log=log)
    directory.assignment_id, directory.student_id = assignment, student
    try:
        directory.get_existing_timestamp(str(folder))
    except Exception as error:
        raise BadSubmission("timestamp.txt holds no date.") from error
    converter = _Converter(engine, directory, log)
    try:
        with warnings.catch_warnings():
            # nbgrader adds rows in an order that this SQLAlchemy remarks on; the rows are right.
            warnings.simplefilter("ignore", SAWarning)
            converter.grade(repaired)
    except (EngineError, OSError):
        raise
    except SQLAlchemyError as error:
        raise GradebookError(f"the gradebook cannot be written: {error}") from error
    except Exception as error:
        log.exception("nbgrader gave up")
        raise BadSubmission(
            f"nbgrader could not process it ({type(error).__name__}: {error}); "
            f"see {course.log(student, assignment)}."
        ) from error
    return notices


class _Converter(Autograde):  # type: ignore[misc]
    """nbgrader's autograder for one submission, with an engine between its two halves."""

    def __init__(self, engine: Engine, directory: Any, log: logging.Logger) -> None:
        super().__init__(coursedir=directory, config=directory.config, log=log)
        self.engine = engine

    def grade(self, repaired: dict[str, Notebook]) -> None:
        """Grade the repaired notebooks in place of the submitted ones."""
        assignment, student = self.coursedir.assignment_id, self.coursedir.student_id
        target = Path(self.coursedir.format_path("autograded", student, assignment))
        source = Path(self.coursedir.format_path("submitted", student, assignment))
        self.notebooks = [str(source / f"{name}.ipynb") for name in repaired]
        self.writer = FilesWriter(parent=self, config=self.config)  # type: ignore[no-untyped-call]
        self.exporter = NotebookExporter(parent=self, config=self.config)  # type: ignore[no-untyped-call]
        known = self._is_known()
        with _kept_aside(target):
            try:
                self.init_assignment(assignment, student)
                for path in self.notebooks:
                    self._grade_notebook(path, repaired[Path(path).stem], target)
                self.set_permissions(assignment, student)
            except BaseException:
                if not known and self._is_known():  # what nbgrader has begun would count as zero
                    with Gradebook(self.coursedir.db_url) as gradebook:
                        gradebook.remove_submission(assignment, student)
                raise

    def _is_known(self) -> bool:
        """Tell whether nbgrader has a score for this submission."""
        with Gradebook(self.coursedir.db_url) as gradebook:
            try:
                gradebook.find_submission(self.coursedir.assignment_id, self.coursedir.student_id)
            except MissingEntry:
                return False
        return True

    def _grade_notebook(self, path: str, notebook: Notebook, files: Path) -> None:
        resources = self.init_single_notebook_resources(path)
        files.mkdir(parents=True, exist_ok=True)
        sanitised = self._pass(self.sanitize_preprocessors, notebook, resources)
        validate(_node(sanitised))
        executed = _execute(self.engine, sanitised, files)
        recording = [p for p in self.autograde_preprocessors if p is not Execute]
        graded = self._pass(recording, executed, resources)
        (files / Path(path).name).write_text(to_text(graded), encoding="utf-8")

    def _pass(self, preprocessors: list[Any], notebook: Notebook, resources: Any) -> Notebook:
        """Send a notebook through some of nbgrader's preprocessors."""
        self.exporter._preprocessors = []
        for preprocessor in preprocessors:
            self.exporter.register_preprocessor(preprocessor)  # type: ignore[no-untyped-call]
        node, resources = _node(notebook), copy.deepcopy(resources)
        for step in self.exporter._preprocessors:
            node, resources = step(node, resources)
        return copy.deepcopy(dict(node))


@contextmanager
def _kept_aside(folder: Path) -> Iterator[None]:
    """Move a folder out of the way, and back if what replaces it fails."""
    aside = folder.with_name(f".{folder.name}.before")
    _remove(aside)
    if folder.exists():
        folder.rename(aside)
    try:
        yield
    except BaseException:
        _remove(folder)
        if aside.exists():
            aside.rename(folder)
        raise
    _remove(aside)


def _remove(folder: Path) -> None:
    if folder.exists():
        rmtree(str(folder))  # nbgrader's, which removes read-only files too


def _logger(course: Course, assignment: str, student: str) -> logging.Logger:
    """Make a log of one submission's own."""
    path = course.log(student, assignment)
    path.parent.mkdir(parents=True, exist_ok=True)
    handler = logging.FileHandler(path, mode="w", encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    log = logging.getLogger(f"lstm_grader.grading.{assignment}.{student}")
    log.propagate = False
    log.setLevel(logging.INFO)
    log.handlers = [handler]
    return log
