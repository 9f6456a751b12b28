"""From ``solutions/`` to ``exercises/``: nbgrader's generation, made safe to repeat.

Everything is generated beside, checked for leaks, and only then exchanged for what is there, folder
by folder with a rename: `exercises/` is never half-written.
"""

import json
import logging
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lstm_grader.course import Course
from lstm_grader.masters import MARKS, MasterError, faults, read_master, secrets

__all__ = ["LastError", "check", "generate", "leaks", "release"]

_RELEASED = (".ipynb", ".csv", ".json", ".npy", ".npz", ".png", ".svg", ".jpg", ".jpeg", ".gif")


def release(course: Course, assignments: Iterable[str] | None = None) -> list[str]:
    """Regenerate ``exercises/`` from ``solutions/``.

    Parameters
    ----------
    course : Course
    assignments : iterable of str, optional
        All of them if left out; what has no master any more is then removed.

    Returns
    -------
    list of str
        One line for each assignment that changed.

    Raises
    ------
    MasterError
        If a master is faulty or something leaks; ``exercises/`` is then as it was.
    """
    with _staged(course, assignments) as (staging, names):
        changes = _stale(course, staging, names, everything=assignments is None)
        course.exercises.mkdir(exist_ok=True)
        for line in changes:
            name = line.split(":")[0]
            _exchange(staging / name, course.exercises / name, staging / f"{name}.old")
    return changes


def check(course: Course, assignments: Iterable[str] | None = None) -> list[str]:
    """Compare ``exercises/`` with what `release` would write, and change nothing.

    Returns
    -------
    list of str
        One line for each assignment that differs.
    """
    with _staged(course, assignments) as (staging, names):
        return _stale(course, staging, names, everything=assignments is None)


@contextmanager
def _staged(course: Course, assignments: Iterable[str] | None) -> Iterator[tuple[Path, list[str]]]:
    """Generate and check in a folder on the same disk, so that a rename can exchange it."""
    names = course.assignments() if assignments is None else list(assignments)
    cache = course.root / ".cache"
    cache.mkdir(exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix="release-", dir=cache))
    try:
        for name in names:
            generate(course, name, staging / name)
        yield staging, names
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _exchange(new: Path, target: Path, aside: Path) -> None:
    if target.exists():
        target.rename(aside)
    if new.exists():
        try:
            new.rename(target)
        except OSError:
            if aside.exists():
                aside.rename(target)
            raise


def _stale(course: Course, fresh: Path, names: Iterable[str], everything: bool) -> list[str]:
    """Say which folders of ``exercises/`` differ from those generated in `fresh`."""
    lines = []
    for name in names:
        before, after = _contents(course.exercises / name), _contents(fresh / name)
        different = sorted(n for n in before.keys() | after.keys() if before.get(n) != after.get(n))
        if different:
            lines.append(f"{name}: {', '.join(different)} {'differs' if before else 'is new'}")
    if everything and course.exercises.is_dir():
        for folder in sorted(course.exercises.iterdir()):
            if folder.is_dir() and folder.name not in names and folder.name[0] != ".":
                lines.append(f"{folder.name}: has no master any more")
    return lines


def _contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".ipynb_checkpoints" not in path.parts
    }


def generate(course: Course, assignment: str, target: Path, db_url: str = "") -> None:
    """Let nbgrader make the released form of an assignment in a new folder.

    Parameters
    ----------
    course : Course
    assignment : str
    target : Path
        Must not exist; its parent must.
    db_url : str
        A gradebook to register the assignment's cells in; none by default.

    Raises
    ------
    MasterError
        If a master is faulty, nbgrader refuses it, or something leaks.
    """
    masters = course.masters(assignment)
    problems = [f"{path}: {fault}" for path in masters for fault in faults(path)]
    if problems:
        raise MasterError("\n".join(problems))
    with tempfile.TemporaryDirectory(prefix="lstm-release-") as scratch:
        root = Path(scratch).resolve()
        shutil.copytree(course.solutions / assignment, root / "solutions" / assignment)
        _run_nbgrader(course, assignment, root, db_url)
        problems = leaks(course.solutions / assignment, root / "release" / assignment)
        if problems:
            raise MasterError("\n".join(problems))
        shutil.move(root / "release" / assignment, target)


def _run_nbgrader(course: Course, assignment: str, root: Path, db_url: str) -> None:
    from nbgrader.converters import GenerateAssignment
    from nbgrader.coursedir import CourseDirectory

    config = course.config()
    config.CourseDirectory.root = str(root)
    config.CourseDirectory.source_directory = "solutions"
    config.CourseDirectory.release_directory = "release"
    if db_url:
        config.CourseDirectory.db_url = db_url
    else:
        config.SaveCells.enabled = False
        config.GenerateAssignment.no_database = True
    log = logging.getLogger(f"lstm_grader.release.{assignment}")
    log.propagate = False
    messages = LastError()
    log.handlers = [messages]
    directory = CourseDirectory(config=config, log=log, assignment_id=assignment)
    converter = GenerateAssignment(coursedir=directory, config=config, log=log)
    try:
        converter.start()
    except Exception as error:
        raise MasterError(f"{assignment}: {messages.text or error}") from error


class LastError(logging.Handler):
    """Keeps what nbgrader says before it gives up with a less telling exception."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.text = ""

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the last line of a traceback, or the message."""
        lines = [line for line in record.getMessage().splitlines() if line.strip()]
        if lines and not lines[-1].startswith(("There was an error", "Please see")):
            self.text = lines[-1]


def leaks(masters: Path, released: Path) -> list[str]:
    """List what of an assignment's masters has got into its release, one sentence each.

    Parameters
    ----------
    masters, released : Path
        The assignment's folders.
    """
    found = []
    hidden: dict[str, str] = {}
    for path in sorted(masters.glob("[!.]*.ipynb")):
        hidden |= secrets(read_master(path))
    for path in sorted(p for p in released.rglob("*") if p.is_file()):
        name = path.relative_to(released)
        if path.suffix not in _RELEASED:
            found.append(f"{name} would be released, but {path.suffix or 'such'} files never are")
            continue
        if path.suffix == ".ipynb":
            found += [f"{name}: {fault}" for fault in _leaks_of(path, hidden)]
    return found


def _leaks_of(path: Path, hidden: dict[str, str]) -> list[str]:
    found = []
    notebook = json.loads(path.read_text(encoding="utf-8"))
    for where, text in _texts(notebook):
        mark = MARKS.search(text)
        if mark:
            found.append(f"the mark “{mark.group()}” is in {where}")
        for line, cell in hidden.items():
            if line in text:
                found.append(f"“{line}”, a line of {cell}, is in {where}")
    return found


def _texts(notebook: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield every string of a notebook with the name of its place."""
    for cell in notebook["cells"]:
        source = cell["source"]
        yield cell.get("id", "a cell"), source if isinstance(source, str) else "".join(source)
        rest = {k: v for k, v in cell.items() if k != "source"}
        yield f"{cell.get('id', 'a cell')} (beside its source)", "\n".join(_strings(rest))
    yield "the notebook's metadata", "\n".join(_strings(notebook["metadata"]))


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        if value and all(isinstance(item, str) for item in value):
            yield "".join(value)  # text that Jupyter keeps as a list of lines
        else:
            for item in value:
                yield from _strings(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from _strings(item)
