"""Every wrong answer and every right style, handed in: who loses which points, and is told what."""

import inspect
import pathlib

import pytest

pytest.importorskip("nbgrader", reason="the grader needs the extra [grader]")

from lstm_grader.execution import KernelEngine
from tests.catalogue import ANSWERS, ASSIGNMENTS
from tests.matrix import recorded, rows_of, wrong_submissions
from tests.submissions import answers_of, exercises_in, graded


@pytest.mark.slow
@pytest.mark.parametrize("name", list(ASSIGNMENTS))
def test_mistakes_lose_the_points_of_their_function_and_of_no_other(
    name: str, tmp_path: pathlib.Path
) -> None:
    assignment = ASSIGNMENTS[name]
    made = wrong_submissions(assignment)
    found = graded(name, {student: cells for student, (_, cells) in made.items()}, tmp_path)
    for student, (wrong, _) in made.items():
        submission = found[student]
        for function in assignment.exercises:
            lost = submission.lost_by(function)
            assert bool(lost) == (function in wrong), f"{student}, {function}: {lost}"
            for cell in lost:
                assert wrong[function].says in submission.said[cell], f"{student}, {cell}"
        assert submission.score == 100 - sum(submission.lost.values())
        assert set(submission.lost) == {c for f in wrong for c in submission.lost_by(f)}
    assert rows_of(assignment, found, made) == [r for r in recorded() if r["assignment"] == name]


@pytest.mark.slow
@pytest.mark.parametrize("name", list(ASSIGNMENTS))
def test_right_answers_in_every_style_earn_100(name: str, tmp_path: pathlib.Path) -> None:
    styles = {path.stem: answers_of(path) for path in sorted((ANSWERS / name).glob("*.py"))}
    assert len(styles) >= 3
    assert all(list(cells) == exercises_in(name) for cells in styles.values())
    found = graded(name, styles, tmp_path)
    assert {style: (s.score, s.said) for style, s in found.items()} == dict.fromkeys(
        styles, (100, {})
    )


@pytest.mark.slow
def test_a_kernel_finds_what_a_warm_process_finds(tmp_path: pathlib.Path) -> None:
    name = "03-equations"
    made = wrong_submissions(ASSIGNMENTS[name])
    some = {student: made[student][1] for student in ("all-00", "all-17", "one-first")}
    warm = graded(name, some, tmp_path / "warm")
    assert graded(name, some, tmp_path / "kernel", KernelEngine()) == warm


def test_the_record_holds_every_function_and_meets_the_bar() -> None:
    rows = recorded()
    assert [(row["assignment"], row["function"]) for row in rows] == [
        (name, function) for name, a in ASSIGNMENTS.items() for function in a.exercises
    ]
    for how in ("caught", "caught in another style"):
        assert all(row[how] == row["misconceptions"] for row in rows)
    total = sum(row["misconceptions"] for row in rows)
    for how in ("named", "named in another style"):
        assert sum(row[how] for row in rows) >= 0.9 * total


BAD = {
    "forget_gate": ("raise KeyError('gate')", "KeyError: 'gate'"),
    "input_gate": ("return None", "None (is a return missing?)"),
    "update_cell": (
        "c_prev *= f\n    c_prev += i * candidate\n    return c_prev",
        "c_prev modified by the call",
    ),
    "output_gate": ("return 'o', 'h_next'", "got:      a str"),
    "lstm_step": ("print('x' * 2_999_999)\n    return h, c", "3,000,000 characters printed"),
    "lstm_forward": ("while True:\n        pass", "no answer within 5 seconds"),
    "count_parameters": (None, "no such function"),
}
WORSE = {
    "forget_gate": ("return [[0.5], [0.5, 0.5]]", "it is ragged: its rows have different lengths"),
    "input_gate": ("return np.array([[1, 'a']], object), x", "one of object"),
    "update_cell": ("return np.full_like(c_prev, np.nan)", "are NaN"),
}


def bad_answers(right: dict[str, str], bad: dict[str, tuple[str | None, str]]) -> dict[str, str]:
    """Put a bad answer after each right one, whose cell may hold helpers; delete it for None."""
    cells = dict(right)
    for name, (body, _) in bad.items():
        names = inspect.signature(ASSIGNMENTS["03-equations"].exercises[name].reference).parameters
        signature = ", ".join(f"{n}=None" if n == "lengths" else n for n in names)
        definition = f"def {name}({signature}):\n    {body}\n" if body else f"del {name}\n"
        cells[name] += f"\n\n{definition}"
    return cells


@pytest.mark.slow
def test_every_kind_of_bad_answer_has_its_own_message_and_costs_only_its_own_points(
    tmp_path: pathlib.Path,
) -> None:
    name = "03-equations"
    right = answers_of(ANSWERS / name / "loops.py")
    kinds = {"bad": BAD, "worse": WORSE}
    made = {student: bad_answers(right, bad) for student, bad in kinds.items()}
    found = graded(name, made, tmp_path, KernelEngine())
    for student, bad in kinds.items():
        submission = found[student]
        assert set(submission.lost) == {c for f in bad for c in submission.lost_by(f)}
        for function, (_, told) in bad.items():
            cells = submission.lost_by(function)
            assert {f"test_{function}", f"hidden_{function}"} <= set(cells)
            assert all(told in submission.said[cell] for cell in cells), submission.said
