"""Whatever is killed, full or busy: a rerun ends with the grades of an undisturbed run."""

import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("nbgrader", reason="the grader needs the extra [grader]")

from lstm_grader import cli, release
from lstm_grader.course import Course
from lstm_grader.crew import Cluster, InProcess, Local
from lstm_grader.execution import EngineError, Limits
from lstm_grader.gradebook import opened
from lstm_grader.grading import autograde
from lstm_grader.lock import alone
from lstm_grader.masters import Notebook, read_master, to_text
from tests.databases import Postgres
from tests.sandboxes import trust
from tests.tiny_course import NAME, RIGHT, edited, make_course

NUMBER = 12
Book = dict[str, tuple[str, float | None, dict[str, Any]]]


def expected_score(number: int) -> float:
    """What the simulated student has earned: 40 points for one answer, 60 for the other."""
    return 40.0 * (number % 2) + 60.0 * (number % 3 == 0)


def write_class(course: Course, number: int = NUMBER) -> None:
    release.release(course)
    released = read_master(course.exercises / NAME / "tiny.ipynb")
    for n in range(number):
        folder = course.submitted(f"student-{n:02}", NAME)
        folder.mkdir(parents=True)
        answers = {"double": RIGHT["double"]} if n % 2 else {}
        if n % 3 == 0:
            answers["halve"] = RIGHT["halve"]
        (folder / "tiny.ipynb").write_text(to_text(edited(released, **answers)), encoding="utf-8")
        (folder / "timestamp.txt").write_text("2026-03-02 12:00:00 UTC", encoding="utf-8")


@dataclass
class Klass:
    """A class that has handed in, and where its gradebook is."""

    course: Course
    server: Postgres | None

    def command(self, *more: str) -> list[str]:
        where = ["--course", str(self.course.root), "--class", str(self.course.class_folder)]
        url = ["--gradebook", self.course.gradebook_url] if self.server else []
        start = [sys.executable, "-m", "lstm_grader", *where, *url]
        number = [] if "--scheduler" in more or "--workers" in more else ["--workers", "1"]
        return [*start, "autograde", NAME, *trust(), *number, *more]

    def start(self, *more: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            self.command(*more), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def finish(self, *more: str) -> str:
        done = subprocess.run(self.command(*more), capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def book(self) -> Book:
        """Everything that counts in the gradebook, without its random ids."""
        found: Book = {}
        with opened(self.course) as book:
            records = book.records(NAME)
            for student in book.students():
                score = book.score(student, NAME)
                cells: dict[str, Any] = {}
                if score is not None:
                    submission = book.gradebook.find_submission(NAME, student)
                    for notebook in submission.notebooks:
                        for grade in notebook.grades:
                            cells[grade.name] = (grade.auto_score, grade.manual_score)
                        for comment in notebook.comments:
                            said = (comment.auto_comment, comment.manual_comment)
                            cells[f"{comment.name} said"] = said
                record = records.get(student)
                state = record.state if record else "unknown"
                found[student] = (state, score.score if score else None, cells)
        return found

    def check(self) -> None:
        """Raise unless every student has exactly the points he earned."""
        found = {student: entry[:2] for student, entry in self.book().items()}
        assert found == {f"student-{n:02}": ("graded", expected_score(n)) for n in range(NUMBER)}
        folders = sorted(p.name for p in (self.course.class_folder / "autograded").iterdir())
        assert folders == sorted(found)


@pytest.fixture(params=["sqlite", "postgresql"])
def klass(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Klass]:
    course = make_course(tmp_path)
    server = None
    if request.param == "postgresql":
        pytest.importorskip("psycopg", reason="needs the extra [postgresql]")
        server = Postgres(tmp_path / "database")
        course = replace(course, gradebook_url=server.url)
    write_class(course)
    yield Klass(course, server)
    if server is not None:
        server.kill()


def mark_by_hand(course: Course, student: str) -> None:
    with opened(course) as book:
        place = "reflection_answer", "tiny", NAME, student
        book.gradebook.find_grade(*place).manual_score = 0.0
        book.gradebook.find_comment(*place).manual_comment = "Well argued."
        book.gradebook.db.commit()


@pytest.mark.slow
def test_a_grader_killed_at_many_moments_ends_with_the_grades_of_an_undisturbed_run(
    klass: Klass, tmp_path: Path
) -> None:
    klass.finish()
    mark_by_hand(klass.course, "student-03")
    klass.finish("--force")
    klass.check()
    undisturbed = klass.book()
    assert "Well argued." in str(undisturbed["student-03"])

    moments = random.Random(1997)
    for lines in (1, 4, 8):
        grader = klass.start("--force", "--workers", "2")
        assert grader.stdout is not None
        for _ in range(lines):
            grader.stdout.readline()
        time.sleep(moments.uniform(0, 0.12))
        grader.kill()
        grader.communicate()
    klass.finish()
    klass.check()
    klass.finish("--force")
    assert klass.book() == undisturbed


@pytest.mark.slow
def test_a_worker_that_is_killed_costs_nobody_a_grade(klass: Klass) -> None:
    grader = klass.start("--workers", "2")
    assert grader.stdout is not None
    grader.stdout.readline()
    for pid in workers_of(grader.pid):
        os.kill(pid, signal.SIGKILL)
    said, errors = grader.communicate(timeout=300)
    assert grader.returncode == 0, said + errors
    klass.check()


def workers_of(pid: int) -> list[int]:
    """Return the worker processes that a grader has started."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            if parent == pid and b"lstm_grader.worker" in (folder / "cmdline").read_bytes():
                found.append(int(folder.name))
        except OSError:
            continue
    assert found
    return found


@pytest.mark.slow
def test_a_database_server_that_is_killed_and_comes_back_loses_nothing(klass: Klass) -> None:
    if klass.server is None:
        pytest.skip("SQLite has no server")
    grader = klass.start("--workers", "2")
    assert grader.stdout is not None
    for _ in range(3):
        grader.stdout.readline()
    klass.server.kill()
    time.sleep(0.5)
    klass.server.start()
    said, errors = grader.communicate(timeout=300)
    if grader.returncode != 0:  # stopped with a clear error: it is simply run again
        assert errors.startswith("error: "), said + errors
        klass.finish()
    klass.check()


@pytest.mark.slow
def test_a_second_grader_is_refused_while_the_first_works(
    klass: Klass, capsys: pytest.CaptureFixture[str]
) -> None:
    with alone(klass.course):
        second = subprocess.run(klass.command(), capture_output=True, text=True)
    assert second.returncode == 2
    assert "another grader is at work" in second.stderr
    assert str(os.getpid()) in second.stderr
    klass.finish()
    klass.check()


class Answers:
    """An engine that runs nothing; so all points are earned."""

    trusted_only = True

    def execute(self, notebook: Notebook, files: Path) -> Notebook:
        return json.loads(json.dumps(notebook))  # type: ignore[no-any-return]


def test_a_submission_is_one_write_transaction(tmp_path: Path) -> None:
    import sqlalchemy as sa

    course = make_course(tmp_path)
    write_class(course, 5)
    list(autograde(course, NAME, InProcess(Answers())))
    written: list[str] = []
    begun: list[int] = []

    @sa.event.listens_for(sa.Engine, "begin")
    def _(connection: Any) -> None:
        begun.append(len(written))

    @sa.event.listens_for(sa.Engine, "commit")
    def _(connection: Any) -> None:
        committed.append(len(written))

    @sa.event.listens_for(sa.Engine, "before_cursor_execute")
    def _(conn: Any, cursor: Any, statement: str, *rest: Any) -> None:
        if statement.lstrip().upper().startswith(("INSERT", "UPDATE", "DELETE")):
            written.append(statement)

    committed: list[int] = []
    results = autograde(course, NAME, InProcess(Answers()), force=True)
    next(results)
    before = len([k for k, n in enumerate(committed) if k == 0 or n > committed[k - 1]])
    rest = list(results)
    after = len([k for k, n in enumerate(committed) if k == 0 or n > committed[k - 1]])
    assert after - before <= len(rest)
    assert len(written) > len(rest)


@pytest.mark.parametrize("kind", ["locked", "damaged"])
def test_a_gradebook_that_cannot_be_written_is_told_at_once_and_nothing_changes(
    tmp_path: Path, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    course = make_course(tmp_path)
    write_class(course, 2)
    list(autograde(course, NAME, InProcess(Answers())))
    connection = sqlite3.connect(course.gradebook)
    if kind == "locked":  # root, too, cannot write then
        connection.execute("BEGIN EXCLUSIVE")
    if kind == "damaged":
        course.gradebook.write_bytes(b"no database at all" * 300)
    before = course.gradebook.read_bytes()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lstm_grader.recording.PATIENCE", 0.3)
        code = cli.main(["--course", str(course.root), "autograde", NAME, "--force", *trust()])
    connection.close()
    assert code == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ") and said.count("\n") == 1
    assert course.gradebook.read_bytes() == before


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs a small disk")
def test_a_full_disk_is_told_and_changes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1200k", "tmpfs", str(disk)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("no small disk can be mounted here")
    try:
        course = replace(make_course(tmp_path / "course"), class_folder=disk)
        write_class(course, 3)
        list(autograde(course, NAME, InProcess(Answers())))
        with opened(course) as book:
            before = {s: book.score(s, NAME) for s in book.students()}
        with (disk / "filler").open("wb", buffering=0) as filler:
            try:
                while True:
                    filler.write(bytes(4096))
            except OSError:
                pass
        where = ["--course", str(course.root), "--class", str(disk)]
        code = cli.main([*where, "autograde", NAME, "--force", *trust()])
        assert code == 2
        said = capsys.readouterr().err
        assert said.startswith("error: ") and said.count("\n") == 1
        (disk / "filler").unlink()
        with opened(course) as book:
            assert {s: book.score(s, NAME) for s in book.students()} == before
        assert len(list((disk / "autograded").glob(f"*/{NAME}/tiny.ipynb"))) == 3
        assert cli.main([*where, "autograde", NAME, "--force", *trust()]) in (0, 1)
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


def test_what_fails_around_a_submission_is_tried_again_and_never_a_zero(tmp_path: Path) -> None:
    course = make_course(tmp_path)
    write_class(course, 2)

    class Fails(Answers):
        calls = 0

        def execute(self, notebook: Notebook, files: Path) -> Notebook:
            self.calls += 1
            if self.calls > 1:
                raise EngineError("out of memory")
            return super().execute(notebook, files)

    found = list(autograde(course, NAME, InProcess(Fails())))
    assert [one.state for one in found] == ["not graded"] * 2
    assert all("out of memory" in one.reason for one in found)
    with opened(course) as book:
        assert book.score("student-00", NAME) is None
        assert book.records(NAME) == {}
    found = list(autograde(course, NAME, InProcess(Answers())))
    assert [one.state for one in found] == ["graded"] * 2


# --------------------------------------------------------------------------------- many machines


def start_worker(address: str, name: str) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "distributed.cli.dask_worker", address, "--name", name]
    command += ["--nthreads", "1", "--no-dashboard", "--no-nanny", "--death-timeout", "60"]
    return subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )


@pytest.fixture
def scheduler(tmp_path: Path) -> Iterator[str]:
    pytest.importorskip("distributed", reason="needs the extra [cluster]")
    file = tmp_path / "scheduler.json"
    command = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1"]
    command += ["--port", "0", "--no-dashboard", "--scheduler-file", str(file)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    end = time.monotonic() + 60
    while not file.exists() and time.monotonic() < end:
        time.sleep(0.1)
    time.sleep(0.2)
    yield json.loads(file.read_text())["address"]
    process.kill()
    process.wait()


@pytest.mark.slow
def test_of_two_dask_workers_one_is_killed_half_way_and_each_submission_is_graded_once(
    scheduler: str, tmp_path: Path
) -> None:
    klass = Klass(make_course(tmp_path / "course"), None)
    write_class(klass.course)
    workers = [start_worker(scheduler, name) for name in ("first", "second")]
    try:
        grader = klass.start("--scheduler", scheduler)
        assert grader.stdout is not None
        lines = [grader.stdout.readline() for _ in range(4)]
        os.killpg(workers[0].pid, signal.SIGKILL)
        said, errors = grader.communicate(timeout=300)
        assert grader.returncode == 0, "".join(lines) + said + errors
        klass.check()
        told = [line for line in [*lines, *said.splitlines()] if line.startswith("[")]
        students = sorted(line.split()[2].rstrip(":") for line in told)
        assert students == [f"student-{n:02}" for n in range(NUMBER)]
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()


def test_a_cluster_that_is_not_there_is_told_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("distributed", reason="needs the extra [cluster]")
    from lstm_grader import crew
    from lstm_grader.course import GraderError

    monkeypatch.setattr(crew, "CONNECT", 1.0)
    with pytest.raises(GraderError, match="no Dask scheduler answers at tcp"):
        Cluster("tcp://127.0.0.1:9")


def test_a_crew_needs_a_worker() -> None:
    from lstm_grader.course import GraderError

    with pytest.raises(GraderError, match="at least 1 worker, got 0"):
        Local(0, Limits())
