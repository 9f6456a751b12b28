"""A course of one small assignment, and the ways to hand it in: what the grader's tests work on."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lstm_grader.course import Course
from lstm_grader.masters import normalise, to_text

NAME = "00-tiny"
Notebook = dict[str, Any]

DOUBLE = '''\
def double(x):
    """Return twice x."""
    ### BEGIN SOLUTION
    twice_as_much = x + x
    return twice_as_much
    ### END SOLUTION
'''
HALVE = '''\
def halve(x):
    """Return half of x."""
    ### BEGIN SOLUTION
    half_as_much = x / 2
    return half_as_much
    ### END SOLUTION
'''


def cell(kind: str, source: str, grade_id: str = "", **marks: Any) -> Notebook:
    """Make a cell with nbgrader's markup."""
    metadata = {}
    if grade_id:
        flags = {"grade": False, "solution": False, "locked": False, "task": False}
        metadata = {"nbgrader": {"grade_id": grade_id, "schema_version": 3, **flags, **marks}}
    return {"cell_type": kind, "metadata": metadata, "source": source}


def answer(name: str, source: str) -> Notebook:
    return cell("code", source, name, solution=True)


def visible(name: str, source: str, points: int) -> Notebook:
    text = f'"""Checks {name} on a small number."""\n{source}'
    return cell("code", text, f"test_{name}", grade=True, locked=True, points=points)


def hidden(name: str, source: str, points: int) -> Notebook:
    marked = f"### BEGIN HIDDEN TESTS\n{source}\n### END HIDDEN TESTS"
    text = f'"""Checks {name} on another number."""\n{marked}'
    return cell("code", text, f"hidden_{name}", grade=True, locked=True, points=points)


def master() -> Notebook:
    """Make the master in normal form: 40 points for `double`, 60 for `halve`, one question."""
    told = "'double: expected 6, got ' + str(double(3))"
    cells = [
        cell("markdown", "# A tiny assignment"),
        cell("code", "import sys", "setup", locked=True),
        cell("markdown", "## Part 1"),
        answer("double", DOUBLE),
        visible("double", f"assert double(3) == 6, {told}", 10),
        hidden("double", "secret_number = 1234567\nassert double(secret_number) == 2469134", 30),
        cell("markdown", "## Part 2"),
        answer("halve", HALVE),
        visible("halve", "assert halve(4) == 2", 20),
        hidden("halve", "assert halve(7) == 3.5, 'halve: odd numbers have halves too'", 40),
        cell("markdown", "## To think about"),
        cell(
            "markdown",
            "Twice a half is the whole, as the model answer says at length.",
            "reflection_answer",
            grade=True,
            solution=True,
            points=0,
        ),
    ]
    return normalise({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


def make_course(root: Path, notebook: Notebook | None = None) -> Course:
    """Write a course with one master."""
    folder = root / "solutions" / NAME
    folder.mkdir(parents=True)
    (folder / "tiny.ipynb").write_text(to_text(notebook or master()), encoding="utf-8")
    return Course(root.resolve(), root.resolve() / "class")


def source_of(notebook: Notebook, grade_id: str) -> str:
    return "".join(find(notebook, grade_id)["source"])


def find(notebook: Notebook, grade_id: str) -> Notebook:
    """Return the cell with a grade id."""
    (found,) = (
        c
        for c in notebook["cells"]
        if c["metadata"].get("nbgrader", {}).get("grade_id") == grade_id
    )
    return found


def edited(notebook: Notebook, **sources: str) -> Notebook:
    """Return a copy with the sources of some cells replaced."""
    result = copy.deepcopy(notebook)
    for name, source in sources.items():
        find(result, name)["source"] = source
    return result


def changed(notebook: Notebook, change: Callable[[Notebook], None]) -> Notebook:
    """Return a copy that `change` has changed in place."""
    result = copy.deepcopy(notebook)
    change(result)
    return result


RIGHT = {
    "double": "def double(x):\n    return 2 * x\n",
    "halve": "def halve(x):\n    return x / 2\n",
}
