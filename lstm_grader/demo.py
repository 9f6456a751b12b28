"""A class of five, to see the whole way of an assignment: what ``make grade`` shows.

Nothing here has a way of its own: the submissions are written as students would hand them in, and
go through the same functions as the commands.
"""

import copy
import html
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lstm_grader import collect, feedback, grading, release, reports
from lstm_grader.course import Course, GraderError
from lstm_grader.crew import Crew
from lstm_grader.gradebook import FAILED, GRADED, opened
from lstm_grader.masters import Notebook, grade_id, read_master, source_of, to_text
from lstm_ref.checks.ch03_equations import ASSIGNMENT as CHAPTER_3

__all__ = ["ASSIGNMENT", "MISTAKE", "DemoFailed", "Mistake", "answered", "own_answers", "run"]

ASSIGNMENT = "03-equations"
MARKER = ".made-by-lstm-grader-demo"


@dataclass(frozen=True)
class Mistake:
    """A wrong answer, and words that its feedback must contain."""

    function: str
    source: str
    told: str


MISTAKE = Mistake(
    "forget_gate",
    '''\
def forget_gate(h, x, W_f, b_f):
    """Decide what to keep of the cell state."""
    xh = np.concatenate([x, h], axis=1)
    return sigmoid(xh @ W_f.T + b_f)
''',
    next(
        mistake.says
        for mistake in CHAPTER_3.exercises["forget_gate"].misconceptions
        if mistake.name == "x before h"
    ),
)


class DemoFailed(GraderError):
    """The class did not come out as it must."""


def run(
    course: Course,
    crew: Crew,
    assignment: str = ASSIGNMENT,
    mistake: Mistake = MISTAKE,
    say: Callable[[str], None] = print,
) -> list[reports.Row]:
    """Make five submissions and take them from release to feedback and export.

    Parameters
    ----------
    course : Course
        Its class folder is emptied first, if an earlier demonstration made it.
    crew : Crew
    assignment : str
    mistake : Mistake
    say : callable
        Takes each line of progress.

    Returns
    -------
    list of Row
        The score table.

    Raises
    ------
    DemoFailed
        If a score is not what it must be, or the class folder is not a demonstration's.
    """
    _empty(course.class_folder)
    changes = release.release(course, [assignment])
    say(f"release    {changes[0] if changes else f'{assignment}: exercises/ is up to date'}")
    inbox = course.class_folder / "inbox"
    write_submissions(course, assignment, mistake, inbox)
    taken = collect.collect(course, assignment, inbox)
    say(f"collect    {len(taken)} submissions from {reports.shown(inbox)}")
    for graded in grading.autograde(course, assignment, crew):
        points = f"{graded.score.score:g} points" if graded.score else graded.reason
        say(f"autograde  {graded.student}: {graded.state}, {points}")
    pages = feedback.generate(course, assignment)
    say(f"feedback   {len(pages)} pages in {reports.shown(course.class_folder / 'feedback')}")
    grades = course.class_folder / "grades.csv"
    with opened(course) as book:
        grades.write_text(reports.as_csv(book), encoding="utf-8", newline="")
    say(f"export     {reports.shown(grades)}")
    table = reports.rows(course, assignment)
    _check(table, pages, course, assignment, mistake)
    return table


def _empty(folder: Path) -> None:
    if folder.exists():
        if any(folder.iterdir()) and not (folder / MARKER).exists():
            raise DemoFailed(f"{folder} holds a real class; give another folder with --class")
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    (folder / MARKER).touch()


def write_submissions(course: Course, assignment: str, mistake: Mistake, inbox: Path) -> None:
    """Write the five submissions as they would be handed in, a folder for each student."""
    (master,) = course.masters(assignment)
    released = read_master(course.exercises / assignment / master.name)
    answers = own_answers(master, released)
    functions = [name for name in answers if name != _written_by_hand(released)]
    half = {name: answers[name] for name in functions[: len(functions) // 2]}
    whole = to_text(answered(released, answers))
    submissions = {
        "perfect": whole,
        "untouched": to_text(released),
        "half-done": to_text(answered(released, half)),
        "one-mistake": to_text(answered(released, answers | {mistake.function: mistake.source})),
        "truncated": whole[: len(whole) // 2],
    }
    for student, text in submissions.items():
        folder = inbox / student
        folder.mkdir(parents=True)
        (folder / master.name).write_text(text, encoding="utf-8")


def own_answers(master: Path, released: Notebook) -> dict[str, str]:
    """Return the master's answers as a student would hand them in, by grade id."""
    answers = {
        grade_id(cell): source_of(cell)
        for cell in read_master(master)["cells"]
        if cell["metadata"].get("nbgrader", {}).get("solution")
    }
    by_hand = _written_by_hand(released)
    if by_hand:  # the master has the marking scheme there
        answers[by_hand] = "A few sentences of the student's own, for a person to read and mark."
    return answers


def _written_by_hand(notebook: Notebook) -> str:
    """Name the answer that a person marks, if there is one."""
    for cell in notebook["cells"]:
        marks = cell["metadata"].get("nbgrader", {})
        if marks.get("solution") and marks.get("grade"):
            return grade_id(cell)
    return ""


def answered(released: Notebook, answers: dict[str, str]) -> Notebook:
    """Fill answers in, by grade id."""
    notebook = copy.deepcopy(released)
    for cell in notebook["cells"]:
        if grade_id(cell) in answers:
            lines = answers[grade_id(cell)].splitlines(keepends=True)
            cell["source"] = "".join(line for line in lines if " SOLUTION" not in line)
    return notebook


def _check(
    table: list[reports.Row],
    pages: dict[str, Path],
    course: Course,
    assignment: str,
    mistake: Mistake,
) -> None:
    """See that the class came out as it must: a demonstration must not hide a fault."""
    by_name = {row.student: row for row in table}
    points = _points(read_master(course.masters(assignment)[0]))
    total = sum(points.values())
    expected = {
        "perfect": total,
        "untouched": 0,
        "half-done": None,
        "one-mistake": total - points[mistake.function],
    }
    for student, score in expected.items():
        row = by_name[student]
        if row.state != GRADED or row.score is None:
            raise DemoFailed(f"{student}: expected a score, got {row.state}: {row.reason}")
        right = 0 < row.score < total if score is None else row.score == score
        if not right:
            raise DemoFailed(f"{student}: expected {score} points, got {row.score:g}")
    if by_name["truncated"].state != FAILED or "cut off" not in by_name["truncated"].reason:
        raise DemoFailed(f"truncated: expected a failure, got {by_name['truncated'].state}")
    page = html.unescape(pages["one-mistake"].read_text(encoding="utf-8"))
    if mistake.told not in page:
        raise DemoFailed(f"one-mistake: its feedback does not mention {mistake.told}")


def _points(master: Notebook) -> dict[str, float]:
    """Add up the points of the checks that follow each answer."""
    points: dict[str, float] = {}
    answer = ""
    for cell in master["cells"]:
        marks = cell["metadata"].get("nbgrader", {})
        answer = grade_id(cell) if marks.get("solution") else answer
        if marks.get("grade"):
            points[answer] = points.get(answer, 0) + marks["points"]
    return points
