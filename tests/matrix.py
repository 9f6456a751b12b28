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
from tests.submissions import Submission, answers_of, carrying, graded, master_answers, rounds

__all__ = ["RECORD", "recorded", "rows_of", "wrong_submissions"]

RECORD = pathlib.Path(__file__).parent / "golden" / "misconceptions.json"

QUICK = "07-use-cases", "loops"  # the capstone set by hand: the others train for seconds


def fillers(name: str) -> list[dict[str, str]]:
    """Return right answers to stand beside wrong ones: the master's, and every style."""
    if name == QUICK[0]:
        return [answers_of(ANSWERS / name / f"{QUICK[1]}.py")]
    return [master_answers(name), *map(answers_of, sorted((ANSWERS / name).glob("*.py")))]


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
    exercises = list(assignment.exercises.values())
    # The master's answers, which stand beside the first, build on one another the most.
    mistaken = {
        "one-first": {exercises[0].name: exercises[0].misconceptions[0]},
        "one-last": {exercises[-1].name: exercises[-1].misconceptions[0]},
        **{f"all-{k:02}": wrong for k, wrong in enumerate(rounds(assignment))},
    }
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
