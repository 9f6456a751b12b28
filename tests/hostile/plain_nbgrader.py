"""What plain nbgrader does with an attack: ``nbgrader autograde``, walled in and watched.

Started by `tools.compare_with_nbgrader`, inside walls: no host, no network, an ordinary user. It
makes a course with nbgrader alone, and grades an honest student, ada. For each attack it takes a
copy, puts the attacker and another honest student, zoe, in, has them graded, and notes what became
of all of them.

nbgrader itself runs in walls inside these, new ones for each attack: own processes, limits, and an
own network with a make-believe world in it (`tests.hostile.surroundings`). Whatever an attack does
ends with these inner walls; here, only what it left is read.
"""

import hashlib
import json
import os
import resource
import shutil
import subprocess
import sys
import time
import warnings
from pathlib import Path
from typing import Any

from tests.hostile.attacks import ATTACKS
from tests.hostile.corpus import SECRETS, Attack, Link, Pipe
from tests.hostile.surroundings import HOME, PORT, SECRET
from tests.tiny_course import NAME, RIGHT, edited, master

__all__ = ["BYTECODE", "LIMITS", "REPOSITORY", "SLOTS", "supervise"]

COURSE = HOME / "course"
REPOSITORY, SLOTS, BYTECODE = Path("/repository"), Path("/slots"), Path("/bytecode")
MALLORY, ADA, ZOE = "mallory", "ada", "zoe"
PLACES = {
    "SECRET_FILE": str(HOME / "secret"),
    "GRADEBOOK": str(COURSE / "gradebook.db"),
    "SUBMITTED": str(COURSE / "submitted"),
    "MASTER": str(COURSE / "source" / NAME / "tiny.ipynb"),
    "PORT": str(PORT),
}
LIMITS = {
    "seconds": 240,
    "processes": 96,
    "memory": 2 << 30,
    "disk": 400 << 20,
    "file": 256 << 20,
    "open files": 1024,
}
"""What we, not nbgrader, allow a run: all three submissions, and nbgrader itself."""

NEARLY = {"processes": 0.7, "memory": 0.7, "disk": 0.9}
"""Shares of these limits beyond which everything there was counts as used up."""

CALM = (
    ".cache",
    ".ipython/profile_default",
    ".jupyter/migrated",
    ".local/share/jupyter/runtime",
)
"""What an honest run changes in the teacher's home."""


# ------------------------------------------------------------------------------------ supervise


def supervise(slot: int) -> None:
    """Take lists of attacks from standard input, one a line; answer each with a line of JSON.

    The attacks of a list are students of one class. The answer is null if anything happened that
    cannot be ascribed to one of them: they have to be tried alone.
    """
    place = SLOTS / str(slot)
    template = place / "template"
    _make_template(place, template)
    by_id = {attack.id: attack for attack in ATTACKS}
    for line in sys.stdin:
        attacks = [by_id[name] for name in json.loads(line)]
        shutil.rmtree(place / "home", ignore_errors=True)
        shutil.copytree(template, place / "home", symlinks=True)
        print(json.dumps(_try(attacks, place)), flush=True)


def _make_template(place: Path, template: Path) -> None:
    """Make the teacher's home: secrets, a course, ada's work graded."""
    home = place / "home"
    (home / ".ssh").mkdir(parents=True)
    (place / "bytecode").mkdir()
    for name in ("secret", ".ssh/id_ed25519", ".bashrc"):
        (home / name).write_text(SECRET if name != ".bashrc" else "# start-up\n")
    library = home / "library"
    library.mkdir()
    # Its grammar takes seconds to load, for nothing but a check of addresses that is optional.
    (library / "rfc3987_syntax.py").write_text("raise ImportError\n")
    shutil.copytree(REPOSITORY / "lstm_ref", library / "lstm_ref")
    course = home / "course"
    (course / "source" / NAME).mkdir(parents=True)
    (course / "source" / NAME / "tiny.ipynb").write_text(json.dumps(master()))
    (course / "nbgrader_config.py").write_text(f"c = get_config()\n{_CONFIG}")
    _expect_success(place, "generate_assignment", NAME)
    _write(course / "submitted" / ADA / NAME, {"tiny.ipynb": _honest(home)})
    _expect_success(place, "autograde", NAME)
    if _score(home, ADA) != (100, 100):
        raise SystemExit(f"ada has not earned her points:\n{(home / 'log').read_text()}")
    home.rename(template)


_CONFIG = f"c.CourseDirectory.root = {str(COURSE)!r}\n"  # all else is nbgrader's own default


def _expect_success(place: Path, *command: str) -> None:
    found = _run(place, list(command), first=True)
    if found["code"] != 0:
        logs = [place / "walls", place / "home" / "log"]
        said = "\n".join(path.read_text() for path in logs if path.is_file())
        raise SystemExit(f"nbgrader {' '.join(command)} failed: {found}\n{said}")


def _released(home: Path) -> Any:
    return json.loads((home / "course" / "release" / NAME / "tiny.ipynb").read_text())


def _honest(home: Path) -> bytes:
    answers = {name: f"# work of another student\n{text}" for name, text in RIGHT.items()}
    return json.dumps(edited(_released(home), **answers)).encode()


def _write(folder: Path, files: Any) -> None:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, Link):
            path.symlink_to(content.to)
        elif isinstance(content, Pipe):
            os.mkfifo(path)
        else:
            path.write_bytes(content)


def _try(attacks: list[Attack], place: Path) -> dict[str, Any] | None:
    home = place / "home"
    submitted = home / "course" / "submitted"
    students = {a.id: a.folder or f"{MALLORY}-{n:02}" for n, a in enumerate(attacks)}
    for attack in attacks:
        files = attack.make(_released(home), PLACES)
        _write(submitted / students[attack.id] / NAME, files)
    _write(submitted / ZOE / NAME, {"tiny.ipynb": _honest(home)})
    before = _state(home)
    run = _run(place, ["autograde", NAME])
    together = _together(home, before, run)
    trouble = any(value for key, value in together.items() if key not in ("seconds", "peaks"))
    if len(attacks) > 1 and trouble:
        return None
    together["seconds"] = round(together["seconds"] / len(attacks), 1)
    return {a.id: {**_apart(a, home, students[a.id]), **together} for a in attacks}


def _apart(attack: Attack, home: Path, student: str) -> dict[str, Any]:
    """Say what one submission gained and saw."""
    score = _score(home, student)
    return {
        "score": None if score is None else score[0],
        "points": 0.0 if score is None else max(0.0, score[0] - attack.worth),
        "secrets": _secrets(home, student),
    }


def _together(home: Path, before: dict[str, str], run: dict[str, Any]) -> dict[str, Any]:
    """Say what became of everything else."""
    after, zoe = _state(home), _score(home, ZOE)
    changed = sorted(n for n in before | after if before.get(n) != after.get(n))
    harmed = {_whose(name) for name in changed}
    if _score(home, ADA) != (100, 100):
        harmed.add("ada's grade")
    if zoe == (-1, -1):
        harmed.add("the gradebook")
    elif zoe is not None and zoe != (100, 100):
        harmed.add("zoe's grade")
    return {
        "harmed": sorted(harmed),
        "changed": changed[:5],
        "network": (home / "callers").exists(),
        "stopped": zoe is None and not run["late"],
        "hung": run["late"],
        "used up": run["used up"],
        "peaks": run["peaks"],
        "seconds": run["seconds"],
    }


def _score(home: Path, student: str) -> tuple[float, float] | None:
    """Read a score from the gradebook; None if there is none, (-1, -1) if it cannot be read."""
    from nbgrader.api import Gradebook, MissingEntry

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Gradebook(f"sqlite:///{home / 'course' / 'gradebook.db'}") as book:
                found = book.find_submission(NAME, student)
                graded = (home / "course" / "autograded" / student / NAME / "tiny.ipynb").is_file()
                return (found.score, found.max_score) if graded or found.score else None
    except MissingEntry:
        return None
    except Exception:
        return (-1.0, -1.0)


def _secrets(home: Path, student: str) -> list[str]:
    """List the secrets in what the submission showed, but for a failed check's own traceback."""
    path = home / "course" / "autograded" / student / NAME / "tiny.ipynb"
    try:
        cells = json.loads(path.read_text())["cells"]
    except (OSError, ValueError):
        return []
    text = ""
    for cell in cells:
        marks = cell["metadata"].get("nbgrader", {})
        check = marks.get("grade") and not marks.get("solution")
        for output in cell.get("outputs", []):
            if not (check and output["output_type"] == "error"):
                text += json.dumps(output)
    return [secret for secret in SECRETS if secret in text]


def _state(home: Path) -> dict[str, str]:
    """Hash what no submission may change, by its place."""
    found = {}
    roots = [home / "course" / part for part in ("source", "release", "nbgrader_config.py")]
    roots += [home / "course" / "submitted" / student for student in (ADA, ZOE)]
    roots += [home / "course" / "autograded" / ADA]
    roots += [path for path in home.iterdir() if path.name not in ("course", "log", "callers")]
    for root in roots:
        for path in [root, *(root.rglob("*") if root.is_dir() and not root.is_symlink() else ())]:
            name = str(path.relative_to(home))
            calm = name.startswith(CALM) or "__pycache__" in name
            if path.is_file() and not calm:
                found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
    startup = home / ".ipython" / "profile_default" / "startup"
    for path in startup.glob("*.py"):
        found[str(path.relative_to(home))] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def _whose(name: str) -> str:
    parts = Path(name).parts
    if parts[:1] != ("course",):
        return "the teacher's files"
    if parts[1] in ("submitted", "autograded"):
        return f"{parts[2]}'s work"
    return "the master"


def _run(place: Path, command: list[str], first: bool = False) -> dict[str, Any]:
    """Run nbgrader in walls of its own, under watch."""
    for folder in ("tmp", "shm"):
        shutil.rmtree(place / folder, ignore_errors=True)
        (place / folder).mkdir()
    start, late, peaks = time.monotonic(), False, {"processes": 0, "memory": 0, "disk": 0}
    with (place / "walls").open("w") as said:
        walls = subprocess.Popen(
            _walls(place, command, first),
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            preexec_fn=_limit,
        )
    while walls.poll() is None:
        _measure(walls.pid, place, peaks)
        late = time.monotonic() - start > LIMITS["seconds"]
        if late:
            walls.kill()
        time.sleep(0.1)
    return {
        "code": walls.returncode,
        "late": late,
        "seconds": time.monotonic() - start,
        "peaks": {"processes": peaks["processes"], "MB": (peaks["memory"] + (1 << 19)) >> 20}
        | {"MB on disk": (peaks["disk"] + (1 << 19)) >> 20},
        "used up": [name for name, share in NEARLY.items() if peaks[name] >= share * LIMITS[name]],
    }


def _walls(place: Path, command: list[str], first: bool) -> list[str]:
    home, cache = place / "home", str(place / "bytecode")
    return [
        *("bwrap", "--unshare-all", "--die-with-parent", "--new-session"),
        *("--uid", str(os.geteuid()), "--gid", str(os.getegid()), "--cap-add", "CAP_NET_ADMIN"),
        *("--cap-add", "CAP_NET_BIND_SERVICE"),
        *("--ro-bind", "/", "/", "--proc", "/proc", "--dev-bind", "/dev", "/dev"),
        *("--tmpfs", str(SLOTS), "--remount-ro", str(SLOTS)),
        *("--bind", str(place / "tmp"), "/tmp", "--bind", str(place / "shm"), "/dev/shm"),
        *("--bind", str(home), str(HOME), "--chdir", str(HOME / "course")),
        *("--setenv", "HOME", str(HOME), "--setenv", "LSTM_SECRET", SECRET),
        *("--bind" if first else "--ro-bind", cache, str(BYTECODE)),
        *("--setenv", "PYTHONPYCACHEPREFIX", str(BYTECODE)),
        *("--setenv", "PYTHONPATH", str(HOME / "library")),
        *(sys.executable, "-I", str(REPOSITORY / "tests/hostile/surroundings.py")),
        *command,
    ]


def _limit() -> None:
    for kind, value in (
        (resource.RLIMIT_NPROC, LIMITS["processes"]),
        (resource.RLIMIT_AS, LIMITS["memory"]),
        (resource.RLIMIT_FSIZE, LIMITS["file"]),
        (resource.RLIMIT_NOFILE, LIMITS["open files"]),
        (resource.RLIMIT_CPU, LIMITS["seconds"]),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(kind, (value, value))


def _measure(walls: int, place: Path, peaks: dict[str, int]) -> None:
    """Note the most processes and threads, the largest process, the fullest disk."""
    parents, sizes = {}, {}
    for path in Path("/proc").glob("[0-9]*"):
        try:
            lines = dict(
                line.split(":", 1)
                for line in (path / "status").read_text().splitlines()
                if ":" in line
            )
        except (OSError, ValueError):
            continue
        parents[int(path.name)] = int(lines["PPid"])
        peak = int(lines.get("VmHWM", "0 kB").split()[0]) << 10
        sizes[int(path.name)] = (int(lines["Threads"]), peak)
    inside = {walls}
    grown = True
    while grown:
        more = {pid for pid, parent in parents.items() if parent in inside} - inside
        grown = bool(more)
        inside |= more
    own = [sizes[pid] for pid in inside if pid in sizes]
    disk = os.statvfs(place)
    used = (disk.f_blocks - disk.f_bavail) * disk.f_frsize
    for name, value in (
        ("processes", sum(threads for threads, _ in own)),
        ("memory", max((peak for _, peak in own), default=0)),
        ("disk", used),
    ):
        peaks[name] = max(peaks[name], value)


if __name__ == "__main__":
    supervise(int(sys.argv[1]))
