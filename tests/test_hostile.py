"""No attack earns a point, shows a secret, harms another submission or stops the run.

The attacks of a kind are a class: collected and graded in one run, between two honest students.
"""

import functools
import json
import os
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("nbgrader", reason="the grader needs the extra [grader]")

from lstm_grader import remote
from lstm_grader.collect import collect
from lstm_grader.course import Course
from lstm_grader.crew import InProcess
from lstm_grader.execution import Limits
from lstm_grader.grading import Graded, autograde
from lstm_grader.masters import read_master, to_text
from lstm_grader.release import release
from lstm_grader.sandbox import Quota
from tests.hostile.attacks import ARCHIVES, ATTACKS, KINDS
from tests.hostile.corpus import SECRETS, Attack, Files, Link, Pipe
from tests.sandboxes import need_sandbox, sandbox_engine
from tests.tiny_course import NAME, RIGHT, edited, make_course, master
from tools.compare_with_nbgrader import RESULTS, here, measure

HONEST = ("ada", "zoe")
OUTPUT = 1_200_000  # characters that a submission may leave in its notebook

CASES = [
    pytest.param(attack, id=attack.id, marks=pytest.mark.xdist_group(attack.kind))
    for attack in ATTACKS
]
CLASSES = [pytest.param(kind, marks=pytest.mark.xdist_group(kind)) for kind in KINDS]


@pytest.fixture(scope="module")
def box() -> Iterator[Any]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(remote, "PATIENCE", 0.5)
        patch.setenv("LSTM_SECRET", "a teacher's secret")
        quota = Quota(memory=2 << 30, folder=16 << 20, processes=16)
        with sandbox_engine(Limits(cell=1.0), quota) as engine:
            yield engine


@dataclass
class Class:
    """What became of one kind's attacks, and of what was around them."""

    course: Course
    students: dict[str, str] = field(default_factory=dict)  # by attack
    refused: dict[str, str] = field(default_factory=dict)  # why, by student
    graded: dict[str, Graded] = field(default_factory=dict)
    before: dict[str, bytes] = field(default_factory=dict)
    after: dict[str, bytes] = field(default_factory=dict)
    callers: list[Any] = field(default_factory=list)
    threads: int = 0

    def told(self, attack: Attack) -> str:
        """Return all that is said about an attack, and by it."""
        student = self.students[attack.id]
        graded = self.graded.get(student)
        words = [self.refused.get(student, "")]
        if graded is not None:
            words += [graded.reason, *graded.notices]
        errors = (o for o in self.outputs(student) if o["output_type"] == "error")
        return "\n".join([*words, *(f"{o['ename']}: {o['evalue']}" for o in errors)])

    def outputs(self, student: str) -> list[Any]:
        path = self.course.autograded(student, NAME) / "tiny.ipynb"
        if not path.is_file():
            return []
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        return [output for cell in cells for output in cell.get("outputs", [])]


def write(folder: Path, files: Files) -> None:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, Link):
            path.symlink_to(content.to)
        elif isinstance(content, Pipe):
            os.mkfifo(path)
        else:
            path.write_bytes(content)


def contents(course: Course) -> dict[str, bytes]:
    """Read the masters, the release, and the honest students' work."""
    folders = [course.solutions, course.exercises]
    folders += [course.submitted(student, NAME) for student in HONEST]
    paths = [path for folder in folders for path in sorted(folder.rglob("*")) if path.is_file()]
    return {str(path): path.read_bytes() for path in paths}


@pytest.fixture(scope="module")
def classes(tmp_path_factory: pytest.TempPathFactory, box: Any) -> Callable[[str], Class]:
    """Grade the class of a kind of attacks, when it is asked for the first time."""
    return functools.cache(lambda kind: grade(kind, tmp_path_factory.mktemp(kind), box))


def grade(kind: str, root: Path, box: Any) -> Class:
    secret = root / "secret"
    secret.write_text("a teacher's secret")
    made = Class(make_course(root / "course"))
    course = made.course
    release(course)
    released = read_master(course.exercises / NAME / "tiny.ipynb")
    honest = edited(released, **{n: f"# work of another student\n{s}" for n, s in RIGHT.items()})
    inbox = course.root / "inbox"
    for student in HONEST:
        write(inbox / student, {"tiny.ipynb": to_text(honest).encode()})
    with socket.create_server(("127.0.0.1", 0)) as service:
        threading.Thread(target=_serve, args=(service, made.callers), daemon=True).start()
        places = {
            "SECRET_FILE": str(secret),
            "GRADEBOOK": str(course.gradebook),
            "SUBMITTED": str(course.class_folder / "submitted"),
            "MASTER": str(course.solutions / NAME / "tiny.ipynb"),
            "PORT": str(service.getsockname()[1]),
        }
        for number, attack in enumerate(a for a in ATTACKS if a.kind == kind):
            student = made.students[attack.id] = attack.folder or f"mallory-{number:02}"
            write(inbox / student, attack.make(released, places))
        taken = collect(course, NAME, inbox)
        made.refused = {one.student: one.reason for one in taken if one.state == "refused"}
        for student in made.refused:  # as if it had come another way
            os.renames(inbox / student, course.submitted(student, NAME))
        made.before = contents(course)
        made.threads = threading.active_count()
        made.graded = {one.student: one for one in autograde(course, NAME, InProcess(box))}
        made.threads -= threading.active_count()
        made.after = contents(course)
    return made


def _serve(service: socket.socket, callers: list[Any]) -> None:
    while True:
        try:
            caller, address = service.accept()
        except OSError:
            return
        callers.append(address)
        caller.close()


@pytest.mark.parametrize("attack", CASES)
def test_an_attack_gains_nothing_and_sees_nothing(
    classes: Callable[[str], Class], attack: Attack
) -> None:
    klass = classes(attack.kind)
    student = klass.students[attack.id]
    graded = klass.graded.get(student)
    score = graded.score.score if graded and graded.score else None
    assert (student not in klass.refused) == attack.collected, klass.refused.get(student)
    if attack.folder:
        assert graded is None
    elif attack.earns is None:
        assert (graded and graded.state, score) == ("failed", None)
    else:
        assert graded and graded.score and graded.score.max_score == 100, graded
        assert (score or 0) <= attack.earns if attack.spoils else score == attack.earns
    outputs = json.dumps(klass.outputs(student))
    assert not [secret for secret in SECRETS if secret in outputs]
    assert len(outputs) < OUTPUT
    assert attack.says in klass.told(attack), klass.told(attack)


@pytest.mark.parametrize("kind", CLASSES)
def test_beside_the_attacks_honest_work_is_graded_and_nothing_is_changed(
    classes: Callable[[str], Class], kind: str
) -> None:
    klass = classes(kind)
    for student in HONEST:
        graded = klass.graded[student]
        assert graded.score is not None
        assert (graded.state, graded.score.score, graded.notices) == ("graded", 100, ())
    assert klass.after == klass.before
    assert klass.callers == []
    assert klass.threads == 0
    assert not [g for g in klass.graded.values() if g.state == "not graded"]


@pytest.mark.parametrize("name", list(ARCHIVES))
def test_an_archive_with_a_trick_in_it_harms_only_its_own_student(
    name: str, tmp_path: Path
) -> None:
    course = make_course(tmp_path / "a" / "b" / "c" / "course")
    path = tmp_path / "a" / "handed-in.zip"
    path.write_bytes(ARCHIVES[name]())
    before = {p for p in tmp_path.rglob("*")}
    states = {one.student: one.state for one in collect(course, NAME, path)}
    assert states == {"ada": "new", "mallory": "refused"}
    new = {p for p in tmp_path.rglob("*")} - before
    assert all(p.is_relative_to(course.class_folder) for p in new)
    assert not (course.class_folder / "submitted" / "mallory").exists()


def test_the_attacks_are_many_and_of_many_kinds() -> None:
    assert {attack.kind for attack in ATTACKS} == set(KINDS)
    assert len(KINDS) >= 12
    assert len(ATTACKS) >= 60
    assert len({attack.id for attack in ATTACKS}) == len(ATTACKS)


def test_what_plain_nbgrader_does_is_known_of_every_attack() -> None:
    recorded = json.loads(RESULTS.read_text(encoding="utf-8"))
    found = {f"{one['kind']}/{one['name']}": one for one in recorded["attacks"]}
    released = master()
    known = {name: (one["digest"], one["here"]) for name, one in found.items()}
    assert known == {attack.id: (attack.digest(released), here(attack)) for attack in ATTACKS}
    assert recorded["kinds"] == KINDS
    assert [one["name"] for one in recorded["attacks"]] == [attack.name for attack in ATTACKS]


@pytest.mark.slow
def test_what_plain_nbgrader_did_it_does_again() -> None:
    need_sandbox()
    names = {"lie/an equal of everything", "look/at the caller's constants", "marks/points"}
    recorded = json.loads(RESULTS.read_text(encoding="utf-8"))["attacks"]
    said = {f"{one['kind']}/{one['name']}": one["nbgrader"] for one in recorded}
    some = [attack for attack in ATTACKS if attack.id in names]
    for attack, outcome in measure(some):
        for key in ("score", "points", "secrets", "harmed", "network", "stopped", "hung"):
            assert outcome[key] == said[attack.id][key], (attack.id, key, outcome)
