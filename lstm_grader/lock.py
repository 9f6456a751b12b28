"""One grader at a time for a class.

The lock belongs to the process: when that ends, however it ends, the lock is gone. It covers the
class's folder, and a gradebook on a database server as well, which graders on two machines may
share.
"""

import os
import socket
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa

from lstm_grader.course import Course, GraderError

__all__ = ["Busy", "alone"]

NAME = ".lstm-grader.lock"


class Busy(GraderError):
    """Another grader is at work on this class."""


@contextmanager
def alone(course: Course) -> Iterator[None]:
    """Keep other graders off a class for a while.

    Raises
    ------
    Busy
        If another one is at work; the message says which.
    """
    with ExitStack() as stack:
        stack.enter_context(_folder(course.class_folder))
        if not course.is_sqlite:
            stack.enter_context(_database(course))
        yield


@contextmanager
def _folder(folder: Path) -> Iterator[None]:
    try:
        import fcntl
    except ImportError:  # Windows, where submissions that are not trusted are not graded anyway
        yield
        return
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / NAME
    with path.open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip() or "which has just begun"
            raise Busy(
                f"another grader is at work on {folder} ({holder}); wait until it has ended"
            ) from None
        file.truncate(0)
        now = datetime.now(UTC).strftime("%H:%M UTC")
        file.write(f"process {os.getpid()} on {socket.gethostname()}, since {now}")
        file.flush()
        yield


@contextmanager
def _database(course: Course) -> Iterator[None]:
    """Hold an advisory lock of PostgreSQL's, whose key is the class's folder's name for all."""
    engine = sa.create_engine(course.db_url)
    try:
        if engine.dialect.name != "postgresql":
            yield
            return
        key = zlib.crc32(b"lstm-grader")
        with engine.connect() as connection:
            if not connection.scalar(sa.text("SELECT pg_try_advisory_lock(:k)"), {"k": key}):
                raise Busy(
                    f"another grader is at work on {course.gradebook_name}; wait until it has ended"
                )
            connection.commit()  # no open transaction while we work; the lock stays
            yield
    finally:
        engine.dispose()
