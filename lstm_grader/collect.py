"""From a folder or a zip archive of handed-in work to nbgrader's ``submitted/``.

One folder a student, named with the student's id, holds what was handed in. Only plain files are
taken; what was handed in stays as it is, and so does the copy: grading never writes to it.
"""

import os
import shutil
import stat
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from lstm_grader.course import STUDENT_ID, Course, GraderError
from lstm_grader.submission import MAX_BYTES, digest

__all__ = ["Collected", "collect"]

MAX_FILES = 200  # of one student
MAX_ARCHIVE = 5_000_000_000  # bytes, unpacked
STAMP = "timestamp.txt"


@dataclass(frozen=True)
class Collected:
    """What became of one student's folder: ``new``, ``updated``, ``unchanged`` or ``refused``."""

    student: str
    state: str
    reason: str = ""


class _Refused(Exception):
    """A folder that cannot be taken; the message says why."""


def collect(course: Course, assignment: str, source: Path) -> list[Collected]:
    """Copy handed-in work into the class folder.

    Parameters
    ----------
    course : Course
    assignment : str
    source : Path
        A folder, or a zip archive of one, with a folder for each student. A file ``timestamp.txt``
        in it gives the time of submission; without one it is the newest file's.

    Returns
    -------
    list of Collected
        In order of the students' names. A folder that is refused does not stop the others.

    Raises
    ------
    GraderError
        If there is no such assignment, or `source` is neither a folder nor an archive.
    """
    course.masters(assignment)
    with _opened(source) as folder:
        found = [path for path in sorted(folder.iterdir()) if path.name[0] != "."]
        return [_collect_one(course, assignment, path) for path in found]


@contextmanager
def _opened(source: Path) -> Iterator[Path]:
    if source.is_dir():
        yield source
        return
    if not zipfile.is_zipfile(source):
        raise GraderError(f"expected a folder or a zip archive of submissions at {source}")
    with tempfile.TemporaryDirectory(prefix="lstm-collect-") as scratch:
        try:
            with zipfile.ZipFile(source) as archive:
                if sum(info.file_size for info in archive.infolist()) > MAX_ARCHIVE:
                    raise GraderError(f"{source} unpacks to more than {MAX_ARCHIVE // 10**9} GB")
                for info in archive.infolist():
                    _extract(archive, info, Path(scratch))
        except (zipfile.BadZipFile, RuntimeError, OSError) as error:  # damaged, with a password, …
            raise GraderError(f"{source} cannot be unpacked: {error}") from error
        yield Path(scratch)


def _extract(archive: zipfile.ZipFile, info: zipfile.ZipInfo, scratch: Path) -> None:
    """Extract one member; a student's member that plays a trick leaves a link behind.

    The link leads nowhere. It has the student's folder refused later, and nobody else's.
    """
    parts = Path(info.filename.replace("\\", "/")).parts
    if info.is_dir() or not parts:
        return
    if parts[0] == ".." or Path(info.filename).is_absolute() or len(parts) < 2:
        raise GraderError(
            f"{archive.filename}: expected a folder for each student, found {info.filename!r}"
        )
    student, target = scratch / parts[0], scratch.joinpath(*parts)
    student.mkdir(exist_ok=True)
    trick = ".." in parts or stat.S_ISLNK(info.external_attr >> 16)
    if not trick:
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError):
            trick = True
    if trick or target.is_symlink() or target.is_dir():
        with suppress(FileExistsError):
            (student / "a-trick-in-an-archive").symlink_to("nowhere")
        return
    with archive.open(info) as member, target.open("wb") as file:
        shutil.copyfileobj(member, file)
    moment = datetime(*info.date_time).timestamp()
    os.utime(target, (moment, moment))


def _collect_one(course: Course, assignment: str, folder: Path) -> Collected:
    student = folder.name
    if not folder.is_dir() or folder.is_symlink():
        return Collected(student, "refused", "it is no folder: one folder a student is expected")
    if not STUDENT_ID.fullmatch(student):
        return Collected(
            student, "refused", "name the folder with the student's id, without blanks"
        )
    target = course.submitted(student, assignment)
    aside = course.class_folder / ".incoming" / student
    try:
        shutil.rmtree(aside, ignore_errors=True)
        _copy(folder, aside)
        if target.is_dir() and digest(target) == digest(aside):
            return Collected(student, "unchanged")
        state = "updated" if target.is_dir() else "new"
        shutil.rmtree(target, ignore_errors=True)
        target.parent.mkdir(parents=True, exist_ok=True)
        aside.rename(target)
    except _Refused as error:
        return Collected(student, "refused", str(error))
    except OSError as error:
        return Collected(student, "refused", f"it cannot be copied: {error}")
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return Collected(student, state)


def _copy(folder: Path, target: Path) -> None:
    """Copy plain files, and write down when they were handed in."""
    paths = [path for path in sorted(folder.rglob("*")) if not _is_clutter(path, folder)]
    for path in paths:
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            raise _Refused(f"{path.relative_to(folder)} is no plain file")
    files = [path for path in paths if path.is_file()]
    if not files:
        raise _Refused("there is no file in it")
    if len(files) > MAX_FILES or sum(path.stat().st_size for path in files) > 2 * MAX_BYTES:
        raise _Refused(f"more than {MAX_FILES} files or {2 * MAX_BYTES // 10**6} MB")
    for path in files:
        copy = target / path.relative_to(folder)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
    if not (target / STAMP).exists():
        newest = max(path.stat().st_mtime for path in files)
        moment = datetime.fromtimestamp(newest, UTC)
        (target / STAMP).write_text(f"{moment:%Y-%m-%d %H:%M:%S} UTC\n", encoding="utf-8")


def _is_clutter(path: Path, folder: Path) -> bool:
    parts = path.relative_to(folder).parts
    return any(part in ("__pycache__", "__MACOSX") or part.startswith(".") for part in parts)
