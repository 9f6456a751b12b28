"""Time ``lstm-grader autograde`` against plain ``nbgrader autograde`` on the same submissions.

Run as ``python -m benchmarks.grading`` (part of ``make bench``). Both grade the same class of one
real assignment: every fourth student leaves it untouched, every fourth has half of it, the others
all of it. The two take turns with whole commands, on a class of `FEW` and on one of several times
that; what a submission more costs is the difference, what is left is the start.

The points must be the same. nbgrader has its default settings, and no sandbox; ours has its own.
Prints a table and writes ``benchmarks/results/grading.json``.
"""

import argparse
import json
import os
import resource
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.speed import machine
from lstm_grader.course import Course
from lstm_grader.demo import answered, own_answers
from lstm_grader.masters import read_master, to_text

__all__ = ["main"]

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results" / "grading.json"
ASSIGNMENT = "03-equations"
FEW = 4


def texts(course: Course) -> list[str]:
    """Return four students' notebooks: untouched, half done, and two that are whole."""
    (path,) = course.masters(ASSIGNMENT)
    released = read_master(course.exercises / ASSIGNMENT / path.name)
    answers = own_answers(path, released)
    half = dict(list(answers.items())[: len(answers) // 2])
    whole = to_text(answered(released, answers))
    return [to_text(released), to_text(answered(released, half)), whole, whole]


def hand_in(folder: Path, course: Course, number: int) -> None:
    """Write the submissions of a class."""
    (path,) = course.masters(ASSIGNMENT)
    contents = texts(course)
    for n in range(number):
        target = folder / "submitted" / f"student-{n:04}" / ASSIGNMENT
        target.mkdir(parents=True)
        (target / path.name).write_text(contents[n % 4], encoding="utf-8")
        (target / "timestamp.txt").write_text("2026-03-02 12:00:00 UTC", encoding="utf-8")


def run(command: list[str], folder: Path) -> float:
    """Run a command to its end; return seconds."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT)}
    start = time.perf_counter()
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    return time.perf_counter() - start


def ours(folder: Path, number: int, workers: int) -> float:
    """Grade a class with ``lstm-grader``."""
    course = Course(ROOT, folder)
    hand_in(folder, course, number)
    command = [sys.executable, "-m", "lstm_grader", "--course", str(ROOT), "--class", str(folder)]
    return run([*command, "autograde", ASSIGNMENT, "--workers", str(workers)], folder)


def plain(folder: Path, number: int) -> float:
    """Grade a class with ``nbgrader``, default settings."""
    course = Course(ROOT, folder)
    hand_in(folder, course, number)
    shutil.copytree(course.solutions / ASSIGNMENT, folder / "source" / ASSIGNMENT)
    (folder / "nbgrader_config.py").write_text(
        f"c = get_config()\nc.CourseDirectory.root = {str(folder)!r}\n", encoding="utf-8"
    )
    nbgrader = [sys.executable, "-m", "nbgrader"]
    run([*nbgrader, "generate_assignment", ASSIGNMENT], folder)
    return run([*nbgrader, "autograde", ASSIGNMENT], folder)


def points(folder: Path) -> dict[str, float]:
    """Read every student's automatic points."""
    query = (
        "SELECT a.student_id, sum(coalesce(g.auto_score, 0)) FROM grade g "
        "JOIN submitted_notebook n ON n.id = g.notebook_id "
        "JOIN submitted_assignment a ON a.id = n.assignment_id GROUP BY a.student_id"
    )
    connection = sqlite3.connect(folder / "gradebook.db")
    try:
        return dict(connection.execute(query).fetchall())
    finally:
        connection.close()


def measure(rounds: int, many: int, workers: int) -> dict[str, Any]:
    """Take turns; return the seconds of each run."""
    seconds: dict[str, dict[int, list[float]]] = {"lstm-grader": {}, "nbgrader": {}}
    for turn in range(rounds):
        found: dict[tuple[str, int], dict[str, float]] = {}
        for name in sorted(seconds, reverse=bool(turn % 2)):
            for number in (FEW, many):
                with tempfile.TemporaryDirectory(prefix="lstm-bench-") as scratch:
                    folder = Path(scratch) / "class"
                    folder.mkdir()
                    took = plain(folder, number) if name == "nbgrader" else None
                    took = ours(folder, number, workers) if took is None else took
                    found[name, number] = points(folder)
                seconds[name].setdefault(number, []).append(took)
                print(f"  {name}, {number} submissions: {took:.1f} s", flush=True)
        for number in (FEW, many):
            if found["lstm-grader", number] != found["nbgrader", number]:
                raise RuntimeError("the two have given different points")
    return {
        name: {str(number): values for number, values in times.items()}
        for name, times in seconds.items()
    }


def summarise(seconds: dict[str, Any], many: int) -> dict[str, Any]:
    """Work out start and marginal cost of each, and their ratio."""
    found: dict[str, Any] = {}
    for name, times in seconds.items():
        few, more = (statistics.median(times[str(n)]) for n in (FEW, many))
        each = (more - few) / (many - FEW)
        found[name] = {
            "start": few - FEW * each,
            "each": each,
            "per_minute": 60 / each,
            "whole": more,
        }
    one, other = found["lstm-grader"], found["nbgrader"]
    found["ratio"] = {"each": other["each"] / one["each"], "whole": other["whole"] / one["whole"]}
    return found


def linear(numbers: list[int], workers: int) -> list[dict[str, float]]:
    """Grade classes of several sizes; return seconds and the largest process's memory."""
    rows = []
    for number in numbers:
        with tempfile.TemporaryDirectory(prefix="lstm-bench-") as scratch:
            took = ours(Path(scratch), number, workers)
        peak = 1024 * resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        rows.append({"submissions": number, "seconds": took, "peak": peak})
        print(
            f"  {number} submissions: {took:.0f} s, {60 * number / took:.0f} a minute", flush=True
        )
    return rows


def main() -> None:
    """Measure, print and write down."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.grading")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--many", type=int, default=24, help="submissions of the larger class")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--linear", type=int, nargs="*", default=[], help="sizes of classes")
    arguments = parser.parse_args()
    seconds = measure(arguments.rounds, arguments.many, arguments.workers)
    results = summarise(seconds, arguments.many)
    print(f"{'':14}{'start, s':>10}{'each, s':>10}{'a minute':>10}{arguments.many:>8} in all, s")
    for name in ("nbgrader", "lstm-grader"):
        row = results[name]
        print(
            f"{name:14}{row['start']:>10.1f}{row['each']:>10.2f}{row['per_minute']:>10.0f}"
            f"{row['whole']:>16.1f}"
        )
    ratio = results["ratio"]
    print(f"{'ratio':14}{'':>10}{ratio['each']:>10.1f}{'':>10}{ratio['whole']:>16.1f}")
    data = {
        "machine": machine(),
        "workers": arguments.workers,
        "seconds": seconds,
        "results": results,
        "linear": linear(arguments.linear, arguments.workers),
    }
    RESULTS.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
