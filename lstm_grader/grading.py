"""Grading an assignment's submissions: what is to be done, by whom, and where it is written down.

Data flows one way. A submission becomes a `lstm_grader.job.Task`, a crew makes an outcome of it,
and this process alone writes: first the autograded notebooks, then, in one transaction, the
gradebook (`lstm_grader.recording`). Whatever stops the program, a submission either has its line in
the gradebook, or the next run grades it anew. One that fails is recorded as failed, with a
sentence, and the next one is graded.
"""

import errno
import logging
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from lstm_grader.course import Course, GraderError, UnknownName
from lstm_grader.crew import Crew
from lstm_grader.gradebook import GradebookError, Record, Score, ensure, opened
from lstm_grader.job import FAILED, GRADED, NOT_GRADED, Outcome, Task
from lstm_grader.judge import MAX_FILE_BYTES, MAX_FILES
from lstm_grader.lock import alone
from lstm_grader.masters import Notebook, grade_id, read_master, source_of
from lstm_grader.recording import Recorder
from lstm_grader.release import generate
from lstm_grader.scoring import score
from lstm_grader.submission import BadSubmission, digest, find_notebook, load

__all__ = ["NOT_GRADED", "Graded", "MasterFails", "autograde", "grade_master"]

OPTIONS = ("IgnorePattern", "LimitOutput", "NbGraderPreprocessor")


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
    suspicions : tuple of str
        What in it an instructor should look at.
    seconds : float
        How long its grading took.
    """

    student: str
    state: str
    reason: str = ""
    notices: tuple[str, ...] = ()
    score: Score | None = None
    again: bool = True
    suspicions: tuple[str, ...] = ()
    seconds: float = 0.0


def autograde(
    course: Course,
    assignment: str,
    crew: Crew,
    students: Iterable[str] | None = None,
    force: bool = False,
) -> Iterator[Graded]:
    """Grade the collected submissions of an assignment.

    Parameters
    ----------
    course : Course
    assignment : str
    crew : Crew
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
        If the assignment cannot be graded at all, another grader is at work, or the gradebook or
        the disk takes nothing more. What was graded until then stays graded.
    """
    submitted = course.students(assignment)
    chosen = submitted if students is None else list(dict.fromkeys(students))
    for student in chosen:
        if student not in submitted:
            raise UnknownName(f"{student} has no collected submission of {assignment}")
    if not chosen:
        return
    with alone(course):
        yield from _Run(course, assignment, crew, chosen, force).results()


def grade_master(course: Course, assignment: str, crew: Crew) -> dict[str, float]:
    """Run the masters of an assignment as the crew runs submissions.

    Returns
    -------
    dict of str to float
        The points of every automatically graded cell.

    Raises
    ------
    MasterFails
        If a cell does not earn its points: the answer is wrong, or the crew's surroundings are.
    GraderError
        If the crew cannot run it.
    """
    paths = course.masters(assignment)
    files = _files(course.solutions / assignment, course.config().CourseDirectory.ignore)
    masters = {path.stem: path.read_bytes() for path in paths}
    ((_, outcome),) = crew.work([Task("the master", masters, files=files)])
    if outcome.state != GRADED:
        raise GraderError(f"the master of {assignment} could not be graded: {outcome.reason}")
    points: dict[str, float] = {}
    for path in paths:
        notebook = outcome.notebooks[path.stem]
        scored = score(notebook, {})
        for cell in notebook["cells"]:
            marks = cell["metadata"].get("nbgrader", {})
            if not marks.get("grade") or marks.get("solution"):
                continue
            earned, possible = scored.points[grade_id(cell)], float(marks["points"])
            if earned != possible:
                raise MasterFails(
                    f"{path}: the master's own answer earns {earned or 0:g} of {possible:g} at "
                    f"{grade_id(cell)}: {_error_in(cell)}"
                )
            points[grade_id(cell)] = possible
    return points


def _error_in(cell: Notebook) -> str:
    errors = [o for o in cell["outputs"] if o["output_type"] == "error"]
    if not errors:
        return "partial credit"
    return f"{errors[0]['ename']}: {errors[0]['evalue']}"


class _NoScore(Exception):
    """An executed notebook that cannot be scored."""


class _Run:
    """One assignment, graded once."""

    def __init__(
        self, course: Course, assignment: str, crew: Crew, students: list[str], force: bool
    ) -> None:
        self.course, self.assignment, self.crew = course, assignment, crew
        self.students, self.force = students, force
        self.config = course.config()
        self.options = {name: dict(self.config[name]) for name in OPTIONS if name in self.config}
        self.settled: list[Graded] = []  # known without the crew
        self.stamps: dict[str, str] = {}

    def results(self) -> Iterator[Graded]:
        """Grade the master, then everybody."""
        grade_master(self.course, self.assignment, self.crew)
        ensure(self.course)
        released = self._register()
        self.master = digest(self.course.solutions / self.assignment)
        self.files = self._beside(self.course.solutions / self.assignment)
        with opened(self.course) as book:
            self.before = book.records(self.assignment)
            unchanged = [] if self.force else [s for s in self.students if self._is_unchanged(s)]
            scores = {student: book.score(student, self.assignment) for student in unchanged}
        for student in unchanged:
            notices = self.before[student].notices
            yield Graded(student, GRADED, "", notices, scores[student], again=False)
        todo = [student for student in self.students if student not in scores]
        with Recorder(self.course, self.assignment, _penalty(self.config)) as recorder:
            self.recorder = recorder
            self.forms = {
                name: _with_hidden_tests(notebook, recorder.sources[name])
                for name, notebook in released.items()
            }
            for task, outcome in self.crew.work(self._tasks(todo)):
                yield from self._settled()
                yield self._record(task.name, outcome)
            yield from self._settled()

    def _register(self) -> dict[str, Notebook]:
        """Bring the assignment's cells in the gradebook up to date; return the released form."""
        with tempfile.TemporaryDirectory(prefix="lstm-release-") as scratch:
            released = Path(scratch) / "released"
            try:
                generate(self.course, self.assignment, released, self.course.db_url)
            except GraderError as error:
                if "submissions associated" in str(error):
                    raise GradebookError(
                        f"{self.assignment} has gained or lost graded cells since work was graded "
                        f"in {self.course.class_folder}; use a new class folder, or take the "
                        f"assignment out with  nbgrader db assignment remove {self.assignment}"
                    ) from error
                raise
            return {path.stem: read_master(path) for path in sorted(released.glob("*.ipynb"))}

    def _is_unchanged(self, student: str) -> bool:
        record = self.before.get(student)
        return (
            record is not None
            and record.state == GRADED
            and record.digest == self._stamp(student)
            and self.course.autograded(student, self.assignment).is_dir()
        )

    def _stamp(self, student: str) -> str:
        """Return a hash of what is graded: the submission's files and the master."""
        if student not in self.stamps:
            folder = self.course.submitted(student, self.assignment)
            try:
                files = digest(folder)
            except PermissionError:  # reading the notebook will say so
                files = ""
            self.stamps[student] = f"{self.master[:32]}{files[:32]}"
        return self.stamps[student]

    def _tasks(self, students: list[str]) -> Iterator[Task]:
        """Make the tasks one by one; what cannot even be read is settled here."""
        for student in students:
            try:
                self._stamp(student)
                _handed_in(self.course, student, self.assignment)
                yield self._task(student)
            except BadSubmission as error:
                self.settled.append(self._record(student, Outcome(FAILED, str(error))))
            except OSError as error:
                _log(self.course, self.assignment, student, [f"ERROR not graded: {error}"])
                self.settled.append(Graded(student, NOT_GRADED, f"{error}"))

    def _task(self, student: str) -> Task:
        folder = self.course.submitted(student, self.assignment)
        notebooks = {name: load(find_notebook(folder, name)) for name in self.forms}
        files = self._beside(folder) | self.files
        return Task(student, notebooks, self.forms, files)

    def _settled(self) -> Iterator[Graded]:
        while self.settled:
            yield self.settled.pop(0)

    def _record(self, student: str, outcome: Outcome) -> Graded:
        """Write down what became of a submission: its log, its notebooks, its points."""
        lines = [f"WARNING {notice}" for notice in outcome.notices]
        lines += [f"WARNING look at it: {said}" for said in outcome.suspicions]
        if outcome.reason:
            lines.append(f"ERROR {outcome.state}: {outcome.reason}")
        points = None
        try:
            if outcome.state != NOT_GRADED:
                points = self._write(student, outcome)
        except _NoScore as error:
            outcome = Outcome(NOT_GRADED, f"{error}", seconds=outcome.seconds)
            lines.append(f"ERROR not graded: {error}")
        except BaseException as error:
            lines.append(f"ERROR not recorded: {error}")
            raise
        finally:
            if points is not None:
                lines.append(f"INFO {points.score:g} of {points.max_score:g} points")
            lines.append(f"INFO {outcome.seconds:.2f} s")
            _log(self.course, self.assignment, student, lines)
        return Graded(
            student,
            outcome.state,
            outcome.reason,
            outcome.notices,
            points,
            suspicions=outcome.suspicions,
            seconds=outcome.seconds,
        )

    def _write(self, student: str, outcome: Outcome) -> Score | None:
        record = Record(
            student,
            self.assignment,
            outcome.state,
            outcome.reason,
            outcome.notices,
            self._stamp(student),
        )
        if outcome.state == FAILED:
            self.recorder.failed(record)
            return None
        try:
            scored = {name: score(nb, self.options) for name, nb in outcome.notebooks.items()}
        except Exception as error:  # a fault of nbgrader's or ours is nobody's zero
            raise _NoScore(
                f"nbgrader could not score it: {type(error).__name__}: {error}"
            ) from error
        folder = self.course.autograded(student, self.assignment)
        handed_in = _handed_in(self.course, student, self.assignment)
        source = self.course.submitted(student, self.assignment)
        try:
            with _replaced(folder) as new:
                for place, content in (self._beside(source) | self.files).items():
                    self._put(new / place, content)
                for name, one in scored.items():
                    self._put(new / f"{name}.ipynb", one.text.encode())
            return self.recorder.graded(record, scored, handed_in)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS):
                raise GraderError(
                    f"{folder} cannot be written: {error.strerror}; nothing of it was recorded, "
                    "and what was graded before stays graded"
                ) from error
            raise

    def _beside(self, folder: Path) -> dict[str, bytes]:
        return _files(folder, self.config.CourseDirectory.ignore)

    def _put(self, path: Path, content: bytes) -> None:
        """Write a file that is not to be changed by hand, but by those who share the course."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        path.chmod(0o664 if self.config.CourseDirectory.get("groupshared", False) else 0o444)


def _with_hidden_tests(released: Notebook, sources: dict[str, Any]) -> Notebook:
    """Return the graded form of a released notebook: its locked cells as the master has them."""
    for cell in released["cells"]:
        source = sources.get(grade_id(cell))
        if source is None:
            continue
        marks = cell["metadata"]["nbgrader"]
        marks["checksum"] = source.checksum
        if source.locked:
            cell["source"] = source.source
        cell["source"] = source_of(cell)
    return released


def _files(folder: Path, ignored: list[str]) -> dict[str, bytes]:
    """Read what lies beside the notebooks of a folder, as much of it as a run may have."""
    from nbgrader.utils import find_all_files

    found: dict[str, bytes] = {}
    for path in sorted(map(Path, find_all_files(str(folder), [*ignored, "*.ipynb"]))):
        if len(found) < MAX_FILES and path.is_file() and path.stat().st_size <= MAX_FILE_BYTES:
            found[str(path.relative_to(folder))] = path.read_bytes()
    return found


def _handed_in(course: Course, student: str, assignment: str) -> datetime | None:
    """Read when a submission was handed in.

    Raises
    ------
    BadSubmission
    """
    from nbgrader.utils import parse_utc

    path = course.submitted(student, assignment) / "timestamp.txt"
    try:
        text = path.read_text(encoding="utf-8").strip()
        moment: datetime | None = parse_utc(text) if text else None
    except FileNotFoundError:
        return None
    except Exception as error:
        raise BadSubmission("timestamp.txt holds no date.") from error
    return moment


def _penalty(config: Any) -> Any:
    """Return the course's rule for late work, a plugin of nbgrader's."""
    from nbgrader.preprocessors import AssignLatePenalties

    step = AssignLatePenalties(config=config)
    step.init_plugin()
    return step.plugin_inst.late_submission_penalty


@contextmanager
def _replaced(folder: Path) -> Iterator[Path]:
    """Make a new folder aside, and put it in place of the old one when it is whole."""
    from nbgrader.utils import rmtree  # which removes read-only files too

    new, old = (folder.with_name(f".{folder.name}.{word}") for word in ("new", "before"))
    for path in (new, old):
        if path.exists():
            rmtree(str(path))
    new.mkdir(parents=True)
    try:
        yield new
    except BaseException:
        rmtree(str(new))
        raise
    if folder.exists():
        folder.rename(old)
    new.rename(folder)
    if old.exists():
        rmtree(str(old))


def _log(course: Course, assignment: str, student: str, lines: list[str]) -> None:
    """Write a submission's own log."""
    path = course.log(student, assignment)
    moment = datetime.now().astimezone().isoformat(timespec="seconds")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(f"{moment} {line}\n" for line in lines), encoding="utf-8")
    except OSError as error:  # no reason to lose a grade
        logging.getLogger(__name__).warning("%s cannot be written: %s", path, error)
