"""What the tests of the assignments share: the assignments, their cells, the right answers."""

import dataclasses
import functools
import importlib
import importlib.util
import pathlib
import pkgutil
import time
from collections.abc import Iterator
from typing import Any

import numpy as np

import lstm_ref.checks
from lstm_ref.checks import Assignment, CheckFailed
from lstm_ref.checks.calling import provided
from lstm_ref.checks.compare import arrays_in
from lstm_ref.checks.exercise import Exercise, Misconception

ROOT = pathlib.Path(__file__).parent.parent
ANSWERS = pathlib.Path(__file__).parent / "answers"

ASSIGNMENTS: dict[str, Assignment] = {
    module.ASSIGNMENT.name: module.ASSIGNMENT
    for info in pkgutil.iter_modules(lstm_ref.checks.__path__)
    if info.name.startswith("ch")
    for module in [importlib.import_module(f"lstm_ref.checks.{info.name}")]
}


def exercises() -> Iterator[tuple[Assignment, Exercise]]:
    """Yield every function of every assignment."""
    for assignment in ASSIGNMENTS.values():
        for exercise in assignment.exercises.values():
            yield assignment, exercise


def misconceptions() -> Iterator[tuple[Assignment, Exercise, Misconception]]:
    """Yield every misconception of every function."""
    for assignment, exercise in exercises():
        for misconception in exercise.misconceptions:
            yield assignment, exercise, misconception


def answer_files() -> list[pathlib.Path]:
    """Return the files of right answers, one a style and assignment."""
    return sorted(ANSWERS.glob("*/*.py"))


def answers_in(path: pathlib.Path) -> dict[str, Any]:
    """Execute a file of answers as a notebook would, and return its names."""
    names: dict[str, Any] = {}
    exec(compile(path.read_text(), str(path), "exec"), names)
    return names


def checks(
    assignment: Assignment, function: str, namespace: dict[str, Any]
) -> Iterator[tuple[str, CheckFailed | None, float]]:
    """Run every check of a function; yield its cell, how it failed, and its processor time."""
    parts = assignment.exercises[function].hidden
    cells = {f"test_{function}": lambda: assignment.visible(function, namespace)}
    for part in parts:
        name = f"hidden_{function}_{part}".rstrip("_")
        cells[name] = lambda part=part: assignment.hidden(function, namespace, part)
    for name, run in cells.items():
        failed, start = None, time.process_time()
        try:
            run()
        except CheckFailed as error:
            failed = error
        yield name, failed, time.process_time() - start


def failures(
    assignment: Assignment, function: str, namespace: dict[str, Any]
) -> dict[str, CheckFailed]:
    """Run every check of a function; return those that failed, by cell."""
    return {name: error for name, error, _ in checks(assignment, function, namespace) if error}


def is_caught(assignment: Assignment, function: str, namespace: dict[str, Any]) -> bool:
    """Tell whether any check of a function fails; which mistake it is, is not looked for."""
    bare = _without_misconceptions(assignment.name)
    return any(error for _, error, _ in checks(bare, function, namespace))


@functools.cache
def _without_misconceptions(name: str) -> Assignment:
    exercises = ASSIGNMENTS[name].exercises.values()
    return Assignment(name, [dataclasses.replace(e, misconceptions=()) for e in exercises])


def restyled(function: Any) -> Any:
    """Change the style of an answer and nothing else: lists for tuples, arrays in column order."""

    def change(value: Any, inputs: list[Any]) -> Any:
        if isinstance(value, tuple):
            return [change(item, inputs) for item in value]
        if isinstance(value, np.ndarray) and not any(np.may_share_memory(value, a) for a in inputs):
            return np.asfortranarray(value)
        return value  # copying what shares memory with an input would mend the mistake

    def answer(*args: Any, **kwargs: Any) -> Any:
        return change(function(*args, **kwargs), arrays_in((args, kwargs)))

    return provided(answer)
