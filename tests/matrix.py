"""The matrix: for each function, how many misconceptions are caught, and how many are named.

``python -m tests.matrix`` grades every misconception in the released notebooks, prints the table
and records it in ``tests/golden/misconceptions.json``; `test_submissions` fails when the record
is not what it finds.
"""

import contextlib
import io
import json
import pathlib
import sys
import tempfile
from typing import Any

from lstm_ref.checks import Assignment
from lstm_ref.tables import Table
from tests.catalogue import ANSWERS, ASSIGNMENTS, failures, restyled
from tests.submissions import Submission, answers_of, carrying, graded, rounds

__all__ = ["RECORD", "recorded", "rows_of", "wrong_submissions"]

RECORD = pathlib.Path(__file__).parent / "golden" / "misconceptions.json"

# What stands in the cells without a mistake. The capstone's hand-set answer needs no training.
FILLERS = {"07-use-cases": ("loops",)}


def fillers(name: str) -> list[dict[str, str]]:
    """Return right answers to stand beside wrong ones, in turn one style after the other."""
    paths = sorted((ANSWERS / name).glob("*.py"))
    wanted = FILLERS.get(name, tuple(path.stem for path in paths))
    return [answers_of(path) for path in paths if path.stem in wanted]


def wrong_submissions(assignment: Assignment) -> dict[str, tuple[dict[str, Any], dict[str, str]]]:
    """Make the notebooks that carry mistakes.

    Returns
    -------
    dict
        By student: the misconceptions by function, and all answers. Students ``all-k`` carry one
        mistake in every function that has so many, ``one-first`` and ``one-last`` a single one, in
        the function their name says; the rest of their answers is right.
    """
    styles = fillers(assignment.name)
    mistaken = {f"all-{k:02}": wrong for k, wrong in enumerate(rounds(assignment))}
    exercises = list(assignment.exercises.values())
    for student, exercise in (("one-first", exercises[0]), ("one-last", exercises[-1])):
        mistaken[student] = {exercise.name: exercise.misconceptions[0]}
    made = {}
    for k, (student, wrong) in enumerate(mistaken.items()):
        cells = {
            name: carrying(assignment, assignment.exercises[name], misconception)
            for name, misconception in wrong.items()
        }
        made[student] = (wrong, _with_helpers(styles[k % len(styles)], cells))
    return made


def _with_helpers(right: dict[str, str], wrong: dict[str, str]) -> dict[str, str]:
    """Put wrong answers after the right ones they replace, whose cells may hold helpers."""
    return {
        name: f"{source}\n\n{wrong[name]}" if name in wrong else source
        for name, source in right.items()
    }


def rows_of(
    assignment: Assignment, found: dict[str, Submission], made: dict[str, Any]
) -> list[dict[str, Any]]:
    """Count, function by function, what the graded notebooks show."""
    rows = []
    for name, exercise in assignment.exercises.items():
        caught = named = caught_restyled = named_restyled = 0
        for misconception in exercise.misconceptions:
            (student,) = (
                s for s, (w, _) in made.items() if s[:3] == "all" and w.get(name) is misconception
            )
            cells = found[student].lost_by(name)
            caught += bool(cells)
            named += bool(cells) and all(
                misconception.says in found[student].said[c] for c in cells
            )
            failed = failures(assignment, name, {name: restyled(misconception.wrong)})
            first = next(iter(failed.values())).report.diagnosis if failed else None
            caught_restyled += bool(failed)
            named_restyled += first is not None and first.name == misconception.name
        rows.append(
            {
                "assignment": assignment.name,
                "function": name,
                "misconceptions": len(exercise.misconceptions),
                "caught": caught,
                "named": named,
                "caught in another style": caught_restyled,
                "named in another style": named_restyled,
            }
        )
    return rows


def recorded() -> list[dict[str, Any]]:
    """Read the record."""
    rows: list[dict[str, Any]] = json.loads(RECORD.read_text(encoding="utf-8"))
    return rows


def main() -> None:
    """Grade everything, record and print the matrix."""
    rows = []
    for assignment in ASSIGNMENTS.values():
        print(assignment.name, file=sys.stderr)
        made = wrong_submissions(assignment)
        with tempfile.TemporaryDirectory() as folder:
            found = graded(
                assignment.name, {s: cells for s, (_, cells) in made.items()}, pathlib.Path(folder)
            )
        with contextlib.redirect_stdout(io.StringIO()):  # what passes says so
            rows += rows_of(assignment, found, made)
    RECORD.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    print(Table(list(rows[0]), [list(row.values()) for row in rows]))


if __name__ == "__main__":
    main()
