"""The grader, from the master to the exported grades, on a course of one small assignment."""

import contextlib
import copy
import csv
import html
import io
import json
import os
import re
import stat
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.sandboxes import sandbox_engine, trust
from tests.tiny_course import (
    DOUBLE,
    NAME,
    RIGHT,
    Notebook,
    changed,
    edited,
    find,
    make_course,
    master,
    source_of,
)

pytest.importorskip("nbgrader", reason="the grader needs the extra [grader]")

from lstm_grader import (
    cli,
    collect,
    feedback,
    grading,
    kernel,
    release,
    remote,
    reports,
    submission,
)
from lstm_grader.course import Course, GraderError, UnknownName
from lstm_grader.crew import InProcess
from lstm_grader.execution import Engine, KernelEngine, Limits
from lstm_grader.gradebook import GradebookError, ensure, opened
from lstm_grader.masters import (
    MasterError,
    faults,
    is_normal,
    normalise,
    read_master,
    to_text,
    write_normalised,
)


@pytest.fixture
def course(tmp_path: Path) -> Course:
    return make_course(tmp_path)


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Notebook:
    """What students of the small course are given."""
    course = make_course(tmp_path_factory.mktemp("released"))
    release.release(course)
    return read_master(course.exercises / NAME / "tiny.ipynb")


# ------------------------------------------------------------------------------------- masters


def test_a_master_with_traces_of_work_in_it_is_brought_into_normal_form(tmp_path: Path) -> None:
    used = copy.deepcopy(master())
    used["metadata"]["language_info"] = {"name": "python", "version": "3.12.1"}
    used["metadata"]["jupytext"] = {"formats": "ipynb,py"}
    for number, cell in enumerate(used["cells"]):
        cell["id"] = f"{number:08x}"
        cell["metadata"]["collapsed"] = False
        if cell["cell_type"] == "code":
            cell |= {"execution_count": 7, "outputs": [{"output_type": "stream", "text": "x"}]}
    path = tmp_path / "used.ipynb"
    path.write_text(json.dumps(used), encoding="utf-8")
    assert not is_normal(path)
    assert any("lstm-grader normalise" in fault for fault in faults(path))
    assert write_normalised(path)
    assert path.read_text(encoding="utf-8") == to_text(master())
    assert not write_normalised(path)


def test_normal_form_names_cells_after_their_role_or_their_words() -> None:
    ids = [cell["id"] for cell in master()["cells"]]
    assert ids[:6] == [
        "a-tiny-assignment",
        "setup",
        "part-1",
        "double",
        "test-double",
        "hidden-double",
    ]


def test_two_cells_with_one_id_get_different_ones() -> None:
    cells = [{"cell_type": "markdown", "metadata": {}, "source": "same words"}] * 2
    notebook = normalise({"cells": cells, "metadata": {}, "nbformat": 4})
    assert [cell["id"] for cell in notebook["cells"]] == ["same-words", "same-words-2"]


# ------------------------------------------------------------------------------------- release


def test_a_release_holds_no_answer_and_no_hidden_test(course: Course) -> None:
    release.release(course)
    text = (course.exercises / NAME / "tiny.ipynb").read_text(encoding="utf-8")
    assert "raise NotImplementedError()" in text
    assert "YOUR ANSWER HERE" in text
    for secret in ("twice_as_much", "secret_number", "model answer", "BEGIN", "HIDDEN TESTS"):
        assert secret not in text
    assert "Checks double on another number." in text


def test_a_second_release_is_byte_for_byte_the_first(course: Course) -> None:
    assert release.release(course) == [f"{NAME}: tiny.ipynb is new"]
    path = course.exercises / NAME / "tiny.ipynb"
    first, modified = path.read_bytes(), path.stat().st_mtime_ns
    assert release.release(course) == []
    assert path.read_bytes() == first
    assert path.stat().st_mtime_ns == modified


def test_check_finds_a_changed_a_foreign_and_a_missing_exercise(course: Course) -> None:
    assert release.check(course) == [f"{NAME}: tiny.ipynb is new"]
    assert not course.exercises.exists()
    release.release(course)
    assert release.check(course) == []
    path = course.exercises / NAME / "tiny.ipynb"
    path.write_text(path.read_text().replace("Part 1", "Part One"))
    (course.exercises / "99-gone").mkdir()
    (course.exercises / "99-gone" / "x.ipynb").write_text("{}")
    found = release.check(course)
    assert found == [f"{NAME}: tiny.ipynb differs", "99-gone: has no master any more"]
    assert release.release(course) == found
    assert release.check(course) == []
    assert not (course.exercises / "99-gone").exists()


def test_files_beside_a_master_are_released_but_never_notes_and_code(course: Course) -> None:
    folder = course.solutions / NAME
    for name in ("answers.py", "marking.md", "data.csv", ".hidden.csv"):
        (folder / name).write_text("half_as_much\n")
    release.release(course)
    names = sorted(path.name for path in (course.exercises / NAME).iterdir())
    assert names == ["data.csv", "tiny.ipynb"]


def leak_in_text(notebook: Notebook) -> None:
    notebook["cells"][2]["source"] = "## Part 1\n\nHint: `twice_as_much = x + x`"


def leak_in_code(notebook: Notebook) -> None:
    find(notebook, "double")["source"] = DOUBLE.replace(
        "### BEGIN", "half_as_much = x / 2\n### BEGIN"
    )


def leak_in_metadata(notebook: Notebook) -> None:
    notebook["cells"][2]["metadata"] = {"tags": ["secret_number = 1234567"]}


def misspelt_mark(notebook: Notebook) -> None:
    cell = find(notebook, "hidden_double")
    cell["source"] = source_of(notebook, "hidden_double").replace("HIDDEN TESTS", "HIDDEN TEST")


def no_mark(notebook: Notebook) -> None:
    cell = find(notebook, "hidden_double")
    lines = source_of(notebook, "hidden_double").splitlines(keepends=True)
    cell["source"] = "".join(line for line in lines if not line.startswith("###"))


def open_region(notebook: Notebook) -> None:
    find(notebook, "double")["source"] = DOUBLE.replace("    ### END SOLUTION\n", "")


def region_outside_an_answer(notebook: Notebook) -> None:
    find(notebook, "setup")["source"] = DOUBLE


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (leak_in_text, "“twice_as_much = x + x”, a line of double, is in part-1"),
        (leak_in_code, "“half_as_much = x / 2”, a line of halve, is in double"),
        (leak_in_metadata, "“secret_number = 1234567”, a line of hidden_double, is in part-1"),
        (misspelt_mark, "hidden_double: “BEGIN HIDDEN TEST” is no mark that nbgrader knows"),
        (no_mark, "hidden_double: it has no BEGIN HIDDEN TESTS"),
        (open_region, "no end solution statement found"),
        (region_outside_an_answer, "all solution regions are within solution cells"),
    ],
)
def test_a_master_that_would_leak_is_not_released(
    tmp_path: Path, fault: Any, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    course = make_course(tmp_path, normalise(changed(master(), fault)))
    course.exercises.mkdir()
    (course.exercises / "README").write_text("as it was")
    assert cli.main(["--course", str(course.root), "release"]) == 2
    assert said in capsys.readouterr().err
    assert [path.name for path in course.exercises.iterdir()] == ["README"]
    assert list((course.root / ".cache").iterdir()) == []


def test_one_faulty_master_keeps_every_exercise_as_it_was(course: Course) -> None:
    release.release(course)
    before = (course.exercises / NAME / "tiny.ipynb").read_bytes()
    changed_master = changed(master(), lambda nb: nb["cells"][2].update(source="## Part One"))
    (course.solutions / NAME / "tiny.ipynb").write_text(to_text(normalise(changed_master)))
    other = course.solutions / "01-faulty"
    other.mkdir()
    (other / "faulty.ipynb").write_text("{")
    with pytest.raises(MasterError, match=r"faulty\.ipynb"):
        release.release(course)
    assert (course.exercises / NAME / "tiny.ipynb").read_bytes() == before


def test_a_master_out_of_normal_form_is_refused_with_the_way_out(
    course: Course, capsys: pytest.CaptureFixture[str]
) -> None:
    path = course.solutions / NAME / "tiny.ipynb"
    path.write_text(json.dumps(master()))
    assert cli.main(["--course", str(course.root), "release"]) == 2
    assert "run  lstm-grader normalise" in capsys.readouterr().err
    assert cli.main(["--course", str(course.root), "normalise"]) == 0
    assert cli.main(["--course", str(course.root), "release"]) == 0
    assert cli.main(["--course", str(course.root), "release", "--check"]) == 0
    (course.exercises / NAME / "tiny.ipynb").unlink()
    assert cli.main(["--course", str(course.root), "release", "--check"]) == 1


# ------------------------------------------------------------------- reading what was handed in


def damaged(text: str) -> dict[str, bytes]:
    data = json.loads(text)
    return {
        "is cut off after 400 bytes": text.encode()[:400],
        "is empty (0 bytes)": b"",
        "is empty (3 bytes)": b" \n\n",
        "is not a notebook: no JSON at line 1": b"<!DOCTYPE html><p>Please log in</p>",
        "contains NUL bytes": text.encode()[:300] + b"\0" * 200,
        "is not text in UTF-8 (byte 0)": text.encode("utf-16"),
        "has no cells": b'{"answers": 42}',
        "is JSON, but not a notebook": b"[1, 2, 3]",
        "its cells are no list": b'{"nbformat": 4, "cells": 3}',
        "is in notebook format 5": json.dumps(data | {"nbformat": 5}).encode(),
        "is in notebook format None": b'{"cells": []}',
        "is in notebook format 3, and damaged": b'{"nbformat": 3, "worksheets": 1}',
        "cell 1 is neither code nor text": b'{"nbformat": 4, "cells": [7]}',
        "cell 1 has no source": b'{"nbformat": 4, "cells": [{"cell_type": "code", "source": 7}]}',
        "too deep or too odd": b'{"nbformat": 4, "cells": '
        + b"[" * 100_000
        + b"]" * 100_000
        + b"}",
    }


@pytest.mark.parametrize("said", list(damaged("{}")))
def test_damage_is_told_in_one_sentence(tmp_path: Path, released: Notebook, said: str) -> None:
    path = tmp_path / "tiny.ipynb"
    path.write_bytes(damaged(to_text(released))[said])
    with pytest.raises(submission.BadSubmission) as caught:
        submission.read(path)
    assert said in str(caught.value)
    assert str(caught.value).startswith("tiny.ipynb")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("size", range(30, 2000, 97))
def test_wherever_a_notebook_is_cut_it_is_told_so(
    tmp_path: Path, released: Notebook, size: int
) -> None:
    path = tmp_path / "tiny.ipynb"
    path.write_bytes(to_text(released).encode()[:size])
    with pytest.raises(submission.BadSubmission, match=f"cut off after {size} bytes"):
        submission.read(path)


def test_a_huge_file_is_refused_without_being_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(submission, "MAX_BYTES", 1000)
    (tmp_path / "tiny.ipynb").write_bytes(b"{" * 1001)
    with pytest.raises(submission.BadSubmission, match="clear its outputs"):
        submission.read(tmp_path / "tiny.ipynb")


def test_harmless_oddities_are_forgiven(tmp_path: Path, released: Notebook) -> None:
    odd = copy.deepcopy(released)
    odd["nbformat_minor"] = 99
    odd["future"] = True
    for cell in odd["cells"]:
        cell["id"] = "the-same"
        cell["execution_count"] = "seven"
        cell["outputs"] = "none of your business"
    path = tmp_path / "tiny.ipynb"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps(odd).encode())
    notebook = submission.read(path)
    import nbformat

    nbformat.validate(notebook)
    assert [c["source"] for c in notebook["cells"]] == [c["source"] for c in released["cells"]]
    assert len({c["id"] for c in notebook["cells"]}) == len(released["cells"])


def test_a_notebook_of_format_3_is_read(tmp_path: Path) -> None:
    old = {
        "nbformat": 3,
        "nbformat_minor": 0,
        "metadata": {"name": "old"},
        "worksheets": [
            {
                "cells": [
                    {
                        "cell_type": "code",
                        "input": ["x = 1"],
                        "outputs": [],
                        "language": "python",
                        "metadata": {},
                    }
                ],
                "metadata": {},
            }
        ],
    }
    (tmp_path / "tiny.ipynb").write_text(json.dumps(old))
    assert submission.read(tmp_path / "tiny.ipynb")["cells"][0]["source"] == "x = 1"


# ----------------------------------------------------------------------------- putting it right


def roles(notebook: Notebook) -> list[str]:
    marks = (cell["metadata"].get("nbgrader", {}) for cell in notebook["cells"])
    return [m["grade_id"] for m in marks if m]


def test_an_untouched_notebook_needs_no_repair(released: Notebook) -> None:
    repaired, notices = submission.repair(released, released)
    assert repaired["cells"] == [
        cell if cell["metadata"] else cell | {"metadata": {}} for cell in released["cells"]
    ]
    assert notices == []


def test_deleted_checks_come_back_after_whatever_stands_in_their_place(released: Notebook) -> None:
    def delete(notebook: Notebook) -> None:
        for name in ("double", "test_double", "hidden_double", "reflection_answer"):
            notebook["cells"].remove(find(notebook, name))
        plain = {"cell_type": "code", "id": "mine", "metadata": {}, "source": RIGHT["double"]}
        notebook["cells"].insert(3, plain)

    repaired, notices = submission.repair(changed(released, delete), released)
    ids = [cell["id"] for cell in repaired["cells"]]
    assert ids.index("mine") < ids.index("test-double") < ids.index("hidden-double")
    assert ids.index("hidden-double") < ids.index("halve")
    assert "double" not in ids  # the answer is the student's business
    assert notices == [
        "The cell test_double was missing; it was put back.",
        "The cell hidden_double was missing; it was put back.",
        "The cell reflection_answer was missing; it was put back.",
    ]


def test_a_changed_check_is_the_original_again(released: Notebook) -> None:
    cheat = edited(released, test_double="pass  # looks fine to me")
    marks = find(cheat, "test_double")["metadata"]["nbgrader"]
    marks |= {"points": 1000, "solution": True, "locked": False}
    find(cheat, "hidden_double")["cell_type"] = "markdown"
    repaired, _ = submission.repair(cheat, released)
    for name in ("test_double", "hidden_double"):
        assert find(repaired, name) == find(released, name)


def test_of_doubled_cells_the_last_counts(released: Notebook) -> None:
    def double_up(notebook: Notebook) -> None:
        for name in ("double", "test_double"):
            again = copy.deepcopy(find(notebook, name))
            notebook["cells"].insert(4, again | {"id": f"again-{name}"})

    repaired, notices = submission.repair(changed(released, double_up), released)
    assert roles(repaired) == roles(released)
    assert len(repaired["cells"]) == len(released["cells"]) + 2
    assert notices == [
        "The cell double was there 2 times; the last one counts.",
        "The cell test_double was there 2 times; the last one counts.",
    ]


def test_a_notebook_that_lost_its_markup_is_recognised_by_its_cell_ids(released: Notebook) -> None:
    def lose(notebook: Notebook) -> None:
        for cell in notebook["cells"]:
            cell["metadata"] = {}
        notebook["cells"][3]["source"] = RIGHT["double"]

    repaired, notices = submission.repair(changed(released, lose), released)
    assert roles(repaired) == roles(released)
    assert find(repaired, "double")["source"] == RIGHT["double"]
    assert notices == []


def test_a_check_moved_before_its_answer_goes_back_behind_it(released: Notebook) -> None:
    def move(notebook: Notebook) -> None:
        notebook["cells"].insert(0, notebook["cells"].pop(4))

    repaired, notices = submission.repair(changed(released, move), released)
    order = roles(repaired)
    assert order.index("double") < order.index("test_double")
    assert notices == ["The cell test_double stood before the answer it checks; it was moved."]


def test_foreign_markup_is_dropped(released: Notebook) -> None:
    def add(notebook: Notebook) -> None:
        marks = {"grade_id": "bonus", "grade": True, "points": 50, "locked": True}
        extra = {"cell_type": "code", "id": "bonus", "metadata": {"nbgrader": marks}, "source": "1"}
        notebook["cells"].append(extra)

    repaired, _ = submission.repair(changed(released, add), released)
    assert repaired["cells"][-1]["metadata"] == {}
    assert roles(repaired) == roles(released)


def test_an_empty_notebook_is_given_every_check(released: Notebook) -> None:
    repaired, notices = submission.repair({**released, "cells": []}, released)
    assert [name for name in roles(released) if name not in ("double", "halve")] == roles(repaired)
    assert len(notices) == len(roles(repaired))


# ------------------------------------------------------------------------------------- collect


def hand_in(inbox: Path, student: str, content: str | bytes, name: str = "tiny.ipynb") -> Path:
    path = inbox / student / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_work_is_copied_with_its_time_and_left_as_it_was(course: Course, tmp_path: Path) -> None:
    path = hand_in(tmp_path / "inbox", "ada", "{}")
    os.utime(path, (1_700_000_000, 1_700_000_000))
    assert collect.collect(course, NAME, tmp_path / "inbox") == [collect.Collected("ada", "new")]
    folder = course.submitted("ada", NAME)
    assert (folder / "tiny.ipynb").read_text() == "{}"
    assert (folder / "timestamp.txt").read_text() == "2023-11-14 22:13:20 UTC\n"
    assert [p.name for p in path.parent.iterdir()] == ["tiny.ipynb"]
    assert collect.collect(course, NAME, tmp_path / "inbox")[0].state == "unchanged"
    hand_in(tmp_path / "inbox", "ada", "{ }")
    assert collect.collect(course, NAME, tmp_path / "inbox")[0].state == "updated"
    assert (folder / "tiny.ipynb").read_text() == "{ }"


def test_a_folder_that_cannot_be_taken_is_refused_by_name(course: Course, tmp_path: Path) -> None:
    inbox = tmp_path / "inbox"
    hand_in(inbox, "ada", "{}")
    hand_in(inbox, "Ben B. (late)", "{}")
    (inbox / "cleo").mkdir()
    hand_in(inbox, "dov", "{}")
    (inbox / "dov" / "data.csv").symlink_to("/etc/hostname")
    (inbox / "loose.ipynb").write_text("{}")
    states = {one.student: one for one in collect.collect(course, NAME, inbox)}
    assert {name for name, one in states.items() if one.state == "refused"} == {
        "Ben B. (late)",
        "cleo",
        "dov",
        "loose.ipynb",
    }
    assert "no plain file" in states["dov"].reason
    assert "no file" in states["cleo"].reason
    assert course.students(NAME) == ["ada"]


def test_an_archive_is_taken_and_its_tricks_are_not(course: Course, tmp_path: Path) -> None:
    good = tmp_path / "good.zip"
    with zipfile.ZipFile(good, "w") as archive:
        archive.writestr("ada/tiny.ipynb", "{}")
        link = zipfile.ZipInfo("ben/tiny.ipynb")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    states = {one.student: one.state for one in collect.collect(course, NAME, good)}
    assert states == {"ada": "new", "ben": "refused"}
    for trick in ("../outside/tiny.ipynb", "/tmp/outside.ipynb", "loose.ipynb"):
        bad = tmp_path / "bad.zip"
        with zipfile.ZipFile(bad, "w") as archive:
            archive.writestr(trick, "{}")
        with pytest.raises(GraderError, match="expected a folder for each student"):
            collect.collect(course, NAME, bad)
    (tmp_path / "no.zip").write_bytes(good.read_bytes()[:-30])
    with pytest.raises(GraderError, match="expected a folder or a zip archive"):
        collect.collect(course, NAME, tmp_path / "no.zip")


# ------------------------------------------------------------------------- a whole class, graded

UNSTOPPABLE = """\
def double(x):
    while True:
        try:
            while True:
                pass
        except BaseException:
            pass
"""
ENDS_PYTHON = "import os\ndef double(x):\n    os._exit(0)\n"
ENDLESS_CELL = "import time\ndef double(x):\n    return 2 * x\nwhile True:\n    time.sleep(0.01)\n"
CHATTY = "import sys\ndef double(x):\n    print('working', file=sys.stderr)\n    return 2 * x\n"
PEEPS = "def double(x):\n    raise ValueError(f'<script>alert(1)</script> {x}')\n"
LIBRARY = "import json\ndef double(x):\n    return 2 * x\njson.loads('{')\n"
TYPO = "def double(x):\n    return 2 * * x\n"


def write_class(inbox: Path, released: Notebook) -> None:
    right = edited(released, **RIGHT)
    answers = {
        "perfect": edited(right, reflection_answer="Both halves, <b>I think</b>."),
        "untouched": released,
        "unstoppable": edited(right, double=UNSTOPPABLE),
        "ends-python": edited(right, double=ENDS_PYTHON),
        "endless-cell": edited(right, double=ENDLESS_CELL),
        "chatty": edited(right, double=CHATTY),
        "peeps": edited(right, double=PEEPS, test_double="pass"),
        "typo": edited(right, double=TYPO),
        "library": edited(right, double=LIBRARY),
        "deleted": changed(
            right,
            lambda nb: nb.update(cells=[c for c in nb["cells"] if "hidden" not in c["id"]]),
        ),
    }
    for student, notebook in answers.items():
        hand_in(inbox, student, to_text(notebook))
    text = to_text(right)
    hand_in(inbox, "truncated", text[:900])
    hand_in(inbox, "login-page", "<html>Please log in</html>")
    hand_in(inbox, "nothing", "")
    hand_in(inbox, "nul-bytes", text.encode()[:500] + b"\0" * 500)
    hand_in(inbox, "other-name", text, "Tiny (1).ipynb")
    hand_in(inbox, "bad-time", text)
    hand_in(inbox, "bad-time", "yesterday evening", "timestamp.txt")


FAILURES = {
    "truncated": "tiny.ipynb is cut off after 900 bytes: its end is missing.",
    "login-page": "tiny.ipynb is not a notebook: no JSON at line 1, column 1.",
    "nothing": "tiny.ipynb is empty (0 bytes).",
    "nul-bytes": "tiny.ipynb contains NUL bytes: the file was damaged on its way.",
    "other-name": "expected a notebook named tiny.ipynb, found Tiny (1).ipynb.",
    "bad-time": "timestamp.txt holds no date.",
}
SCORES = {
    "perfect": 100,
    "untouched": 0,
    "unstoppable": 60,
    "ends-python": 60,
    "endless-cell": 100,
    "chatty": 100,
    "peeps": 60,
    "typo": 60,
    "library": 100,
    "deleted": 100,
}


class GradedClass:
    """A class that has gone all the way, and what was said on the way."""

    def __init__(self, root: Path, released: Notebook, engine: Engine) -> None:
        self.course = make_course(root)
        release.release(self.course)
        write_class(root / "inbox", released)
        self.collected = collect.collect(self.course, NAME, root / "inbox")
        self.before = self.files()
        self.graded = {
            g.student: g for g in grading.autograde(self.course, NAME, InProcess(engine))
        }
        self.pages = feedback.generate(self.course, NAME)

    def files(self) -> dict[str, bytes]:
        folder = self.course.class_folder / "submitted"
        return {str(p): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}

    def outputs(self, student: str, grade_id: str) -> list[Any]:
        path = self.course.autograded(student, NAME) / "tiny.ipynb"
        outputs: list[Any] = find(json.loads(path.read_text()), grade_id)["outputs"]
        return outputs

    def page(self, student: str) -> str:
        return self.pages[student].read_text(encoding="utf-8")


@pytest.fixture(scope="module", params=["kernel", "sandbox"])
def klass(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, released: Notebook
) -> GradedClass:
    with pytest.MonkeyPatch.context() as patch, contextlib.ExitStack() as stack:
        engine: Engine = KernelEngine(Limits(cell=2.0))
        patch.setattr(kernel, "PATIENCE", 1.0)
        if request.param == "sandbox":
            patch.setattr(remote, "PATIENCE", 1.0)
            engine = stack.enter_context(sandbox_engine(Limits(cell=2.0)))
        return GradedClass(tmp_path_factory.mktemp("class"), released, engine)


@pytest.mark.parametrize("student", list(FAILURES))
def test_a_submission_that_cannot_be_graded_fails_by_name_and_reason(
    klass: GradedClass, student: str
) -> None:
    assert klass.graded[student].state == "failed"
    assert klass.graded[student].reason == FAILURES[student]
    assert klass.graded[student].score is None


@pytest.mark.parametrize("student", list(SCORES))
def test_every_other_submission_is_graded_all_the_same(klass: GradedClass, student: str) -> None:
    graded = klass.graded[student]
    assert (graded.state, graded.reason) == ("graded", "")
    assert graded.score is not None
    assert (graded.score.score, graded.score.max_score) == (SCORES[student], 100)


def test_nobody_is_forgotten(klass: GradedClass) -> None:
    assert set(klass.graded) == set(FAILURES) | set(SCORES)
    assert {one.student for one in klass.collected} == set(klass.graded)


def test_grading_leaves_what_was_handed_in_as_it_was(klass: GradedClass) -> None:
    assert klass.files() == klass.before


def test_a_failure_is_no_zero_in_the_gradebook_the_table_and_the_export(klass: GradedClass) -> None:
    with opened(klass.course) as book:
        assert all(book.score(student, NAME) is None for student in FAILURES)
        lines = {
            line["student_id"]: line for line in csv.DictReader(io.StringIO(reports.as_csv(book)))
        }
    rows = {row.student: row for row in reports.rows(klass.course, NAME)}
    for student, reason in FAILURES.items():
        assert (rows[student].state, rows[student].score) == ("failed", None)
        line = lines[student]
        assert (line["state"], line["score"], line["raw_score"]) == ("failed", "", "")
        assert line["reason"] == reason
    for student, score in SCORES.items():
        assert rows[student].score == float(lines[student]["score"]) == score
    table = reports.as_table(rows.values())
    assert all(reason in table for reason in FAILURES.values())


def test_a_call_that_cannot_be_stopped_costs_its_time_once(klass: GradedClass) -> None:
    (first,) = klass.outputs("unstoppable", "test_double")
    (second,) = klass.outputs("unstoppable", "hidden_double")
    assert "did not finish within 2 seconds" in first["evalue"]
    assert "was not run: an earlier check of the same answer hung" in second["evalue"]
    (first,) = klass.outputs("ends-python", "test_double")
    assert "ended the Python process" in first["evalue"]


def test_a_cell_that_never_ends_is_stopped_and_told_so(klass: GradedClass) -> None:
    (output,) = klass.outputs("endless-cell", "double")
    assert "did not finish within 2 seconds" in output["evalue"]
    assert "Look for a loop that never ends" in klass.page("endless-cell")


def test_what_was_put_right_is_told(klass: GradedClass) -> None:
    notices = klass.graded["deleted"].notices
    assert notices == (
        "The cell hidden_double was missing; it was put back.",
        "The cell hidden_halve was missing; it was put back.",
    )
    assert all(notice in klass.page("deleted") for notice in notices)


def test_feedback_has_points_and_the_failed_checks_message(klass: GradedClass) -> None:
    page = klass.page("untouched")
    assert "0 of 100 points" in page
    assert "NotImplementedError" in page
    assert "Checks double on another number." in page
    page = klass.page("perfect")
    assert "100 of 100 points" in page
    assert page.count(" passed</p>") == 4
    assert "40 / 40" in page
    assert "60 / 60" in page


def test_feedback_shows_no_test_and_no_traceback(klass: GradedClass) -> None:
    for student in SCORES:
        page = klass.page(student).split("</style>")[1]
        for secret in (
            "secret_number",
            "HIDDEN",
            "assert ",
            "2469134",
            "Traceback",
            "site-packages",
        ):
            assert secret not in page, student


def test_feedback_shows_the_line_of_the_students_own_error(klass: GradedClass) -> None:
    page = klass.page("typo")
    assert "return 2 * * x" in html.unescape(re.sub("<[^>]*>", "", page.split("Your answer")[0]))
    assert "SyntaxError: invalid syntax" in page
    page = klass.page("library")
    assert "----> 4 json.loads('{')" in html.unescape(page)
    assert "JSONDecodeError: Expecting property name" in page
    assert "decoder.py" not in page
    assert "raw_decode" not in page


def test_feedback_runs_nothing_a_student_wrote_and_loads_nothing(klass: GradedClass) -> None:
    assert "&lt;script&gt;alert(1)" in klass.page("peeps")
    assert "&lt;b&gt;I think&lt;/b&gt;" in klass.page("perfect")
    for student in klass.pages:
        page = klass.page(student)
        assert "<script" not in page
        assert "http:" not in page
        assert "https:" not in page


def test_a_failed_submission_gets_a_page_that_says_why(klass: GradedClass) -> None:
    for student, reason in FAILURES.items():
        assert reason in klass.page(student)
        assert "could not be graded" in klass.page(student)
        assert "points" not in klass.page(student).split("</style>")[1]


def test_each_submission_has_a_log(klass: GradedClass) -> None:
    assert "missing; it was put back" in klass.course.log("deleted", NAME).read_text()
    assert "cut off" in klass.course.log("truncated", NAME).read_text()


class Unused:
    """An engine that must not be called for a submission."""

    trusted_only = True

    def __init__(self) -> None:
        self.calls = 0

    def execute(self, notebook: Notebook, files: Path) -> Notebook:
        self.calls += 1
        return copy.deepcopy(notebook)


def test_a_rerun_leaves_alone_what_has_not_changed(klass: GradedClass) -> None:
    engine = Unused()
    names = ["perfect", "truncated"]
    again = {g.student: g for g in grading.autograde(klass.course, NAME, InProcess(engine), names)}
    assert engine.calls == 1  # the master
    assert not again["perfect"].again
    assert again["perfect"].score == klass.graded["perfect"].score
    assert again["truncated"].reason == FAILURES["truncated"]


def test_an_engine_that_fails_gives_no_grade(klass: GradedClass) -> None:
    class Failing(Unused):
        def execute(self, notebook: Notebook, files: Path) -> Notebook:
            executed = super().execute(notebook, files)
            if self.calls > 1:
                raise GraderEngineError("no kernel could be started: out of memory")
            return executed

    from lstm_grader.execution import EngineError as GraderEngineError

    (one,) = grading.autograde(klass.course, NAME, InProcess(Failing()), ["perfect"], force=True)
    assert (one.state, one.score) == ("not graded", None)
    assert "out of memory" in one.reason
    with opened(klass.course) as book:
        score = book.score("perfect", NAME)
    assert score is not None and score.score == 100  # what was there before


# ---------------------------------------------------------------------------- marking by hand


def grade_by_hand(course: Course, student: str, **values: Any) -> None:
    """Do what formgrader does when a grader types into its boxes."""
    with opened(course) as book:
        place = "reflection_answer", "tiny", NAME, student
        grade = book.gradebook.find_grade(*place)
        grade.manual_score = values.get("manual_score")
        grade.extra_credit = values.get("extra_credit")
        missing = grade.manual_score is None and grade.auto_score is None
        grade.needs_manual_grade = missing
        comment = book.gradebook.find_comment(*place)
        comment.manual_comment = values.get("comment")
        book.gradebook.db.commit()


def test_an_answer_of_no_points_waits_for_a_reader_and_its_extra_credit_counts(
    klass: GradedClass,
) -> None:
    course = klass.course
    row = {r.student: r for r in reports.rows(course, NAME)}
    assert row["perfect"].to_mark == 1
    assert row["untouched"].to_mark == 0  # nothing was written, nothing is to be read
    assert "not read yet" in klass.page("perfect")

    grade_by_hand(course, "perfect", extra_credit=4)  # without a score it does not count
    row = {r.student: r for r in reports.rows(course, NAME)}
    assert (row["perfect"].score, row["perfect"].to_mark) == (100, 1)
    assert any("extra credit does not count" in w for w in row["perfect"].warnings)

    grade_by_hand(course, "perfect", manual_score=0, extra_credit=4, comment="Well argued.")
    row = {r.student: r for r in reports.rows(course, NAME)}
    assert (row["perfect"].score, row["perfect"].max_score) == (104, 100)
    assert (row["perfect"].to_mark, row["perfect"].warnings) == (0, ())
    page = feedback.generate(course, NAME, ["perfect"])["perfect"].read_text()
    assert "104 of 100 points" in page
    assert "Well argued." in page
    assert "+ 4" in page

    engine = KernelEngine()
    (again,) = grading.autograde(course, NAME, InProcess(engine), ["perfect"], force=True)
    assert again.score is not None
    assert (again.score.score, again.score.to_mark) == (104, 1)  # kept, and to be looked at again


def test_nbgrader_accepts_every_repaired_notebook(
    course: Course, released: Notebook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grading, "grade_master", lambda *args: {})

    def twice(notebook: Notebook) -> None:
        notebook["cells"] += copy.deepcopy(notebook["cells"])

    def no_markup(notebook: Notebook) -> None:
        for cell in notebook["cells"]:
            cell["metadata"] = {}

    def nonsense(notebook: Notebook) -> None:
        for cell in notebook["cells"]:
            cell["metadata"]["nbgrader"] = {"grade_id": ["x"], "points": "many", "grade": 7}

    def nothing(notebook: Notebook) -> None:
        notebook["cells"] = []

    def other_kinds(notebook: Notebook) -> None:
        for cell in notebook["cells"]:
            cell["cell_type"] = "code" if cell["cell_type"] == "markdown" else "raw"

    def nul_in_the_text(notebook: Notebook) -> None:
        find(notebook, "double")["source"] = "x = '\0'"
        find(notebook, "reflection_answer")["source"] = "half\0whole \ud800"

    changes = (twice, no_markup, nonsense, nothing, other_kinds, nul_in_the_text)
    for change in changes:
        text = json.dumps(changed(released, change))
        hand_in(tmp_path / "inbox", change.__name__, text)
    collect.collect(course, NAME, tmp_path / "inbox")
    graded = list(grading.autograde(course, NAME, InProcess(Unused())))
    assert [(g.state, g.reason) for g in graded] == [("graded", "")] * len(changes)
    assert len(feedback.generate(course, NAME)) == len(changes)


LATE_PENALTY = """\
from nbgrader.plugins import BasePlugin

class TenPoints(BasePlugin):
    def late_submission_penalty(self, student_id, score, total_seconds_late):
        return 10 if total_seconds_late > 3600 else None

c = get_config()
c.AssignLatePenalties.plugin_class = TenPoints
"""


def test_nbgraders_late_penalty_is_taken_off_and_shown(
    course: Course, released: Notebook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grading, "grade_master", lambda *args: {})
    (course.root / "nbgrader_config.py").write_text(LATE_PENALTY)
    hand_in(tmp_path / "inbox", "ada", to_text(released))
    hand_in(tmp_path / "inbox", "ada", "2026-03-02 12:00:00 UTC", "timestamp.txt")
    collect.collect(course, NAME, tmp_path / "inbox")
    (one,) = grading.autograde(
        course, NAME, InProcess(Unused())
    )  # nothing fails where nothing runs
    assert one.score is not None and one.score.score == 100
    with opened(course) as book:
        book.gradebook.update_or_create_assignment(NAME, duedate="2026-03-02 10:00:00 UTC")
    (one,) = grading.autograde(course, NAME, InProcess(Unused()), force=True)
    assert one.score is not None and one.score.score == 90
    page = feedback.generate(course, NAME)["ada"].read_text()
    assert "90 of 100 points" in page
    assert "10 taken off for being late" in page
    with opened(course) as book:
        (line,) = csv.DictReader(io.StringIO(reports.as_csv(book)))
    assert (line["raw_score"], line["late_submission_penalty"], line["score"]) == (
        "100.0",
        "10.0",
        "90.0",
    )


# ------------------------------------------------------------------------------ what goes wrong


def test_a_master_whose_answer_is_wrong_stops_the_run(
    tmp_path: Path, released: Notebook, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = edited(master(), double=DOUBLE.replace("x + x", "x + x + 1"))
    course = make_course(tmp_path, normalise(wrong))
    hand_in(tmp_path / "inbox", "ada", to_text(edited(released, **RIGHT)))
    collect.collect(course, NAME, tmp_path / "inbox")
    assert cli.main(["--course", str(tmp_path), "autograde", NAME, *trust()]) == 2
    said = capsys.readouterr().err
    assert "earns 0 of 10 at test_double" in said
    assert "double: expected 6, got 7" in said
    assert not course.gradebook.exists()


def test_a_broken_resubmission_fails_and_says_what_the_gradebook_still_holds(
    course: Course, released: Notebook, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    here = ["--course", str(course.root)]
    inbox = str(tmp_path / "inbox")
    hand_in(tmp_path / "inbox", "ada", to_text(edited(released, double=RIGHT["double"])))
    assert cli.main([*here, "collect", NAME, inbox]) == 0
    assert cli.main([*here, "autograde", *trust()]) == 0
    assert "[1/1] 00-tiny ada: graded, 40 of 100 points" in capsys.readouterr().out
    hand_in(tmp_path / "inbox", "ada", "{")
    assert cli.main([*here, "collect", NAME, inbox]) == 0
    assert cli.main([*here, "autograde", "--trust-submissions"]) == 1
    assert "only work that you trust" in capsys.readouterr().out
    assert cli.main([*here, "report", NAME, "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["state"], row["score"]) == ("failed", None)
    assert row["warnings"] == ["an earlier submission's 40 points are still in nbgrader"]
    assert cli.main([*here, "feedback", NAME]) == 0
    assert cli.main([*here, "export"]) == 0
    assert ",failed," in (course.class_folder / "grades.csv").read_text()


def test_what_nbgrader_cannot_process_is_no_silent_zero(
    course: Course, released: Notebook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def give_up(*args: Any) -> None:
        raise RuntimeError("Inconsistent checksums")

    hand_in(tmp_path / "inbox", "ada", to_text(released))
    collect.collect(course, NAME, tmp_path / "inbox")
    monkeypatch.setattr("lstm_grader.scoring.determine_grade", give_up)
    monkeypatch.setattr(grading, "grade_master", lambda *args: {})
    (one,) = grading.autograde(course, NAME, InProcess(Unused()))
    assert one.state == "not graded"
    assert "Inconsistent checksums" in one.reason
    with opened(course) as book:
        assert book.score("ada", NAME) is None
    assert not course.autograded("ada", NAME).exists()


def test_a_changed_set_of_checks_is_refused_once_work_is_graded(
    course: Course, released: Notebook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grading, "grade_master", lambda *args: {})
    hand_in(tmp_path / "inbox", "ada", to_text(released))
    collect.collect(course, NAME, tmp_path / "inbox")
    list(grading.autograde(course, NAME, InProcess(Unused())))
    fewer = changed(master(), lambda nb: nb["cells"].remove(find(nb, "hidden_halve")))
    (course.solutions / NAME / "tiny.ipynb").write_text(to_text(fewer))
    with pytest.raises(GradebookError, match="has gained or lost graded cells"):
        list(grading.autograde(course, NAME, InProcess(Unused())))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["report", "77-none"], "there is no assignment '77-none'; there is 00-tiny"),
        (["collect", "77-none", "."], "there is no assignment '77-none'"),
        (["collect", NAME, "no-such-folder"], "expected a folder or a zip archive"),
        (["report", NAME], "there is no gradebook"),
        (["feedback", NAME], "there is no gradebook"),
        (["export"], "there is no gradebook"),
        (
            ["autograde", NAME, "--student", "nobody", *trust()],
            "nobody has no collected submission",
        ),
        (["release", "77-none"], "there is no assignment '77-none'"),
    ],
)
def test_a_wrong_command_gets_one_clear_line(
    course: Course, arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["--course", str(course.root), *arguments]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
    assert error.startswith("error: ")


def test_a_folder_without_masters_gets_one_clear_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["--course", str(tmp_path), "release"]) == 2
    assert "expected a folder of masters" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"", "there is no gradebook"), (b"this is no database" * 100, "cannot be used")],
)
def test_a_damaged_gradebook_is_an_error_of_the_surroundings(
    course: Course, content: bytes, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    course.class_folder.mkdir()
    course.gradebook.write_bytes(content)
    code = cli.main(["--course", str(course.root), "report", NAME])
    said = capsys.readouterr()
    assert code == 2
    assert words in said.err


def test_a_gradebook_is_made_whole_or_not_at_all(
    course: Course, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*args: Any) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr("lstm_grader.gradebook._create", full)
    with pytest.raises(GradebookError, match="No space left"):
        ensure(course)
    assert list(course.class_folder.iterdir()) == []


def test_a_gradebook_is_what_nbgrader_would_have_made(
    course: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sqlite3

    from nbgrader.api import Gradebook

    programs = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    monkeypatch.setenv("PATH", programs)
    with Gradebook(f"sqlite:///{tmp_path / 'theirs.db'}"):
        pass
    ensure(course)
    found = []
    for path in (course.gradebook, tmp_path / "theirs.db"):
        with sqlite3.connect(path) as connection:
            tables = dict(connection.execute("SELECT name, sql FROM sqlite_master").fetchall())
            version = connection.execute("SELECT * FROM alembic_version").fetchall()
        connection.close()
        found.append((tables, version))
    (ours, our_version), (theirs, their_version) = found
    assert our_version == their_version
    assert {name: sql for name, sql in ours.items() if "lstm_grading" not in name} | {
        "alembic_version": ""
    } == theirs | {"alembic_version": ""}


def test_options_of_the_courses_own_configuration_are_obeyed(course: Course) -> None:
    (course.root / "nbgrader_config.py").write_text(
        "c = get_config()\nc.CourseDirectory.root = '/elsewhere'\nc.Execute.timeout = 77\n"
    )
    config = course.config()
    assert config.Execute.timeout == 77
    assert config.CourseDirectory.root == str(course.class_folder)
    (course.root / "nbgrader_config.py").write_text("c = get_confg()\n")
    with pytest.raises(GraderError, match=r"nbgrader_config.py: NameError"):
        course.config()


def test_the_repositorys_configuration_hides_tests_from_formgraders_feedback_too() -> None:
    from traitlets.config.loader import PyFileConfigLoader

    root = Path(__file__).parents[1]
    config = PyFileConfigLoader("nbgrader_config.py", path=str(root)).load_config()
    assert config.CourseDirectory.source_directory == "solutions"
    assert config.CourseDirectory.submitted_directory == "class/submitted"
    assert feedback.CollectParts in config.GenerateFeedback.preprocessors
    assert config.GenerateFeedback.exporter_class is feedback.FeedbackExporter
    assert config.ExportApp.plugin_class is reports.GradesCsv
    # formgrader shows submissions with an exporter of nbgrader's: it must keep its own template
    assert "template_name" not in config.HTMLExporter


def test_unknown_students_are_refused(course: Course) -> None:
    with pytest.raises(UnknownName):
        next(grading.autograde(course, NAME, InProcess(Unused()), ["nobody"]))
