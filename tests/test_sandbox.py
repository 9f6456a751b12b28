"""The sandbox holds, and where none can be made the grader says so and runs nothing."""

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("nbgrader", reason="the grader needs the extra [grader]")

from lstm_grader import cli, doctor, image, sandbox
from lstm_grader.sandbox import NoSandbox, Quota, Sandbox
from tests.catalogue import ASSIGNMENTS, exercises
from tests.sandboxes import need_sandbox
from tests.tiny_course import NAME, make_course


@pytest.mark.slow
def test_every_attack_of_the_doctor_is_refused() -> None:
    need_sandbox()
    findings = list(doctor.examine())
    assert [f.attack.tries for f in findings if not f.refused] == []
    assert len(findings) >= 35
    assert "doctor" not in os.environ.get("LSTM_DOCTOR_SECRET", "")


HARMLESS = {
    "read a file of the grader's machine",
    "read the list of users",
    "find the secret in the environment",
    "see another process",
    "import a reference answer",
    "call a reference answer",
    "find a reference answer's source",
    "import the grader",
    "import the checks",
    "reach a service on this machine",
    "write one huge file",
    "open files without end",
    "end its process",
    "send forged messages",
}


def test_without_a_sandbox_the_attacks_succeed(tmp_path: Path) -> None:
    """An attack that fails anywhere shows nothing."""
    import socket

    secret = tmp_path / "secret"
    secret.write_text("x")
    with socket.create_server(("127.0.0.1", 0)) as service:
        filled = {"secret": str(secret), "port": service.getsockname()[1]}
        for attack in doctor.ATTACKS:
            if attack.tries in HARMLESS:
                source = attack.source.format(**filled).replace("/lstm/work", str(tmp_path))
                environment = {**os.environ, "LSTM_DOCTOR_SECRET": "a doctor's secret"}
                environment["PYTHONPATH"] = str(Path(image.__file__).parents[1])
                done = subprocess.run(
                    [sys.executable, "-c", source],
                    env=environment,
                    cwd=tmp_path,
                    capture_output=True,
                    timeout=60,
                )
                assert done.returncode == 0, (attack.tries, done.stderr)


def test_submissions_do_not_run_where_there_is_no_sandbox(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    monkeypatch.setenv("PATH", str(tmp_path))  # for worker processes
    course = make_course(tmp_path)
    folder = course.submitted("ada", NAME)
    folder.mkdir(parents=True)
    (folder / "tiny.ipynb").write_text("{")
    assert cli.main(["--course", str(tmp_path), "autograde"]) == 2
    said = capsys.readouterr().err
    assert "no sandbox can be made: bubblewrap" in said
    assert "--trust-submissions" in said
    assert not course.gradebook.exists()
    assert cli.main(["--course", str(tmp_path), "doctor"]) == 2


def test_a_sandbox_that_cannot_start_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = tmp_path / "bwrap"
    fake.write_text("#!/bin/sh\necho bwrap: No permissions to create new namespace >&2\nexit 1\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    with pytest.raises(NoSandbox, match="No permissions to create new namespace"):
        Sandbox()


def test_other_systems_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(NoSandbox, match="container or virtual machine"):
        sandbox.command(Path("/x"), 3)


def test_the_command_line_gives_away_nothing_of_the_machine() -> None:
    need_sandbox()
    line = sandbox.command(Path("/made-for-the-test"), 3)
    bound = [line[k + 1] for k, word in enumerate(line) if word.endswith("bind")]
    prefixes = {str(Path(p).resolve()) for p in (sys.prefix, sys.base_prefix)}
    system = {path for path in bound if path.startswith(("/usr", "/lib", "/bin", "/sbin"))}
    assert set(bound) - system <= {*prefixes, "/made-for-the-test"}
    assert not any(word in line for word in ("--bind", "--dev-bind", "--share-net"))
    assert "--clearenv" in line


def test_what_students_import_holds_no_answer(tmp_path: Path) -> None:
    image.build(tmp_path / "course")
    functions = {exercise.name for _, exercise in exercises()}
    assert {e.reference.__module__ for _, e in exercises()}.isdisjoint(
        f"lstm_ref.{name}" for name in image.REAL
    )
    defined = set()
    for path in (tmp_path / "course").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef):
                defined.add(node.name)
    assert defined.isdisjoint(functions)
    assert not list((tmp_path / "course").rglob("runner.py"))
    assert not list((tmp_path / "course").rglob("mistakes"))


def test_an_assignment_on_top_of_everything_gets_all_but_its_own_answers(tmp_path: Path) -> None:
    answers = frozenset(ASSIGNMENTS["07-use-cases"].exercises)
    image.build(tmp_path / "course", answers)
    package = tmp_path / "course" / "lstm_ref"
    defined = {
        node.name
        for path in package.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef)
    }
    assert defined.isdisjoint(answers)
    assert {"lstm_forward", "adam", "train"} <= defined
    assert not list(package.rglob("runner.py"))
    assert not list(package.rglob("mistakes"))


def test_everything_the_course_exports_can_be_imported(tmp_path: Path) -> None:
    image.build(tmp_path / "course")
    source = "import lstm_ref; print('forget_gate' in dir(lstm_ref), lstm_ref.LSTMParams.__name__)"
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "course")}
    done = subprocess.run(
        [sys.executable, "-c", source], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout == "True LSTMParams\n"


def test_a_quota_is_kept_for_each_child() -> None:
    need_sandbox()
    with Sandbox(Quota(folder=1 << 20)) as box:
        first, second = box.child(), box.child()
        first.close()
        second.interrupt()
        second.close()
