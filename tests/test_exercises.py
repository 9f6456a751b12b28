"""The course's own assignments: exercises are what the masters say, and earn what they promise."""

import re
import sys
import time
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("nbgrader", reason="the grader needs the extra [grader]")

from lstm_grader import cli, demo, grading, release
from lstm_grader.course import Course
from lstm_grader.crew import InProcess
from lstm_grader.execution import KernelEngine
from lstm_grader.masters import faults, read_master, secrets, source_of

ROOT = Path(__file__).parents[1]
COURSE = Course(ROOT, ROOT / "class")
ASSIGNMENTS = COURSE.assignments()


def test_exercises_are_what_the_masters_give() -> None:
    assert release.check(COURSE) == [], "run  make exercises"


@pytest.mark.parametrize("assignment", ASSIGNMENTS)
def test_masters_are_in_normal_form_and_without_fault(assignment: str) -> None:
    for path in COURSE.masters(assignment):
        assert faults(path) == []


@pytest.mark.parametrize("assignment", ASSIGNMENTS)
def test_nothing_of_an_answer_or_a_hidden_test_is_in_what_students_get(assignment: str) -> None:
    assert release.leaks(COURSE.solutions / assignment, COURSE.exercises / assignment) == []
    texts = [path.read_text(encoding="utf-8") for path in COURSE.exercises.rglob("*.ipynb")]
    assert texts
    assert not any(".hidden(" in text or "Marking scheme" in text for text in texts)


@pytest.mark.parametrize("assignment", ASSIGNMENTS)
def test_there_is_something_to_hide(assignment: str) -> None:
    (path,) = COURSE.masters(assignment)
    cells = set(secrets(read_master(path)).values())
    answers = {
        cell["metadata"]["nbgrader"]["grade_id"]
        for cell in read_master(path)["cells"]
        if cell["metadata"].get("nbgrader", {}).get("solution")
    }
    assert answers <= cells


@pytest.mark.parametrize("assignment", ASSIGNMENTS)
def test_every_function_has_a_visible_and_a_hidden_check_that_says_what_it_checks(
    assignment: str,
) -> None:
    (path,) = COURSE.masters(assignment)
    checks: dict[str, str] = {}
    functions = []
    for cell in read_master(path)["cells"]:
        marks = cell["metadata"].get("nbgrader", {})
        if marks.get("solution") and cell["cell_type"] == "code":
            functions.append(marks["grade_id"])
            assert f"def {marks['grade_id']}(" in source_of(cell)
        elif marks.get("grade") and not marks.get("solution"):
            checks[marks["grade_id"]] = source_of(cell)
    for name in functions:
        assert {f"test_{name}", f"hidden_{name}"} <= checks.keys()
    assert all(source.startswith('"""') for source in checks.values())


def released(assignment: str) -> list[dict[str, Any]]:
    """Return the cells that students get."""
    (path,) = (COURSE.exercises / assignment).glob("*.ipynb")
    cells: list[dict[str, Any]] = read_master(path)["cells"]
    return cells


@pytest.mark.parametrize("assignment", ASSIGNMENTS)
def test_the_opening_says_what_is_trained_how_long_what_suffices_and_where_help_is(
    assignment: str,
) -> None:
    opening = source_of(released(assignment)[0])
    assert re.search(r"\*\*100 points, about \d+ minutes\.\*\*", opening)
    for words in ("*What it trains:*", "`np.", "suffice", "*Stuck?* Read the section", "forum"):
        assert words in opening
    for cell in released(assignment):
        if cell["id"].startswith("part-"):  # each part names its section, and has a hint
            assert re.search(r"\*Chapter \d,\s", source_of(cell))
            assert "**Hint.**" in source_of(cell)


@pytest.mark.parametrize("assignment", ASSIGNMENTS)
def test_the_end_is_a_question_with_a_marking_scheme(assignment: str) -> None:
    (path,) = COURSE.masters(assignment)
    last = read_master(path)["cells"][-1]
    marks = last["metadata"]["nbgrader"]
    assert marks["grade"] and marks["solution"] and marks["points"] == 0
    scheme = source_of(last).split("**Marking scheme (extra credit, 5).**")[1].split("Enter 0")[0]
    assert sum(int(n) for n in re.findall(r"\b(\d) for", scheme)) == 5
    assert "bonus points" in source_of(released(assignment)[-2])


def setup_cell(assignment: str) -> Any:
    """Compile the first code cell of a released notebook."""
    cell = next(c for c in released(assignment) if c["cell_type"] == "code")
    return compile(source_of(cell), "<setup>", "exec")


@pytest.mark.parametrize("assignment", ASSIGNMENTS)
def test_the_first_cell_says_in_one_line_what_to_do_when_something_is_missing(
    assignment: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code = setup_cell(assignment)
    exec(code, {})
    assert capsys.readouterr().out.startswith("Ready: NumPy ")
    missing = ["numpy", "lstm_ref.checks"]
    if assignment.startswith("06"):
        missing.append("matplotlib.pyplot")
    for module in missing:
        with monkeypatch.context() as patch:
            patch.setitem(sys.modules, module, None)  # an import of it now fails
            with pytest.raises(SystemExit) as end:
                exec(code, {})
        said = str(end.value)
        assert said.startswith(f"{module} is missing or too old: run  pip install --upgrade")
        assert "lstm-course" in said and "\n" not in said
    with monkeypatch.context() as patch:
        patch.setattr(sys, "version_info", (3, 10, 4))
        with pytest.raises(SystemExit, match=r"^Python 3\.11 or newer is needed; this is 3"):
            exec(code, {})


@pytest.mark.parametrize("assignment", ASSIGNMENTS)
def test_a_masters_own_answers_earn_100(assignment: str) -> None:
    start = time.monotonic()
    points = grading.grade_master(COURSE, assignment, InProcess(KernelEngine()))
    assert sum(points.values()) == 100
    capstone = assignment.startswith("07")  # it may train for as long as students may
    assert time.monotonic() - start < (80 if capstone else 20)


@pytest.mark.slow
def test_a_class_of_five_goes_all_the_way(tmp_path: Path) -> None:
    said: list[str] = []
    course = Course(ROOT, tmp_path / "class")
    table = {
        row.student: row for row in demo.run(course, InProcess(KernelEngine()), say=said.append)
    }
    assert [line.split()[0] for line in said if "autograde" not in line] == [
        "release",
        "collect",
        "feedback",
        "export",
    ]
    assert table["perfect"].score == 100
    assert table["untouched"].score == 0
    assert table["one-mistake"].score == 88  # forget_gate's twelve, and no others
    assert table["half-done"].score == 32  # the first three of seven functions
    assert (table["truncated"].state, table["truncated"].score) == ("failed", None)
    assert all(Path(row.feedback).is_file() for row in table.values())
    page = Path(table["one-mistake"].feedback).read_text(encoding="utf-8")
    assert "x came before h" in page  # the mistake is named
    csv = (tmp_path / "class" / "grades.csv").read_text()
    assert csv.count("\n") == 6


def test_a_demonstration_never_empties_a_real_class(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "gradebook.db").write_text("years of work")
    assert cli.main(["--course", str(ROOT), "--class", str(tmp_path), "demo"]) == 2
    assert "holds a real class" in capsys.readouterr().err
    assert (tmp_path / "gradebook.db").read_text() == "years of work"
