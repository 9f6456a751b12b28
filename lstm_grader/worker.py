"""A process that grades one task after the other: what ``python -m lstm_grader.worker`` runs.

Tasks and outcomes go through its standard input and output, each a length of eight bytes and then
JSON. It ends when its input does, as it does when whoever started it is gone.
"""

import argparse
import os
import signal
import sys
from typing import BinaryIO

from lstm_grader.course import GraderError
from lstm_grader.execution import Engine, KernelEngine, Limits
from lstm_grader.job import NOT_GRADED, Outcome, Task, grade

__all__ = ["main", "read_frame", "write_frame"]


def write_frame(stream: BinaryIO, data: bytes) -> None:
    """Write one message."""
    stream.write(len(data).to_bytes(8, "big") + data)
    stream.flush()


def read_frame(stream: BinaryIO) -> bytes | None:
    """Read one message; None if the stream has ended, be it in the middle of one."""
    head = stream.read(8)
    if len(head) < 8:
        return None
    size = int.from_bytes(head, "big")
    data = stream.read(size)
    return data if len(data) == size else None


def main() -> None:
    """Serve tasks until standard input ends."""
    parser = argparse.ArgumentParser(prog="python -m lstm_grader.worker")
    parser.add_argument("--trust", action="store_true")
    parser.add_argument("--cell-seconds", type=float, required=True)
    parser.add_argument("--submission-seconds", type=float, required=True)
    arguments = parser.parse_args()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the grader decides when we stop
    tasks = os.fdopen(os.dup(0), "rb")
    outcomes = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a check or a library prints is no outcome
    with open(os.devnull, "rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    limits = Limits(arguments.cell_seconds, arguments.submission_seconds)
    try:
        engine = _engine(arguments.trust, limits)
    except GraderError as error:
        write_frame(outcomes, Outcome(NOT_GRADED, f"{error}").to_bytes())
        sys.exit(1)
    write_frame(outcomes, b"")
    while (data := read_frame(tasks)) is not None:
        try:
            outcome = grade(Task.from_bytes(data), engine)
        except GraderError as error:
            outcome = Outcome(NOT_GRADED, f"{error}")
        write_frame(outcomes, outcome.to_bytes())


def _engine(trust: bool, limits: Limits) -> Engine:
    if trust:
        return KernelEngine(limits)
    from lstm_grader.judge import SandboxEngine

    return SandboxEngine(limits)


if __name__ == "__main__":
    main()
