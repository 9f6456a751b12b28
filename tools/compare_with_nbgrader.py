"""Run every attack of the hostile corpus through plain nbgrader, and record the outcome.

No attack runs unprotected: nbgrader, its kernel and the attack are in walls made by bubblewrap,
inside which there is nothing but a made-up teacher's home in memory (`tests.hostile.plain_nbgrader`
says what happens there). Limits on time, processes, memory and disk are ours, not nbgrader's.

What has been measured and has not changed since is left alone, so an interrupted run goes on where
it was. ``make hostile`` runs this.
"""

import argparse
import json
import os
import queue
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "tests" / "golden" / "hostile.json"
sys.path.insert(0, str(ROOT))

from lstm_grader.sandbox import _CONFIGURATION, _MERGED  # noqa: E402
from tests.hostile.attacks import ATTACKS, KINDS  # noqa: E402
from tests.hostile.corpus import Attack  # noqa: E402
from tests.hostile.plain_nbgrader import BYTECODE, LIMITS, REPOSITORY, SLOTS  # noqa: E402
from tests.hostile.surroundings import HOME  # noqa: E402
from tests.tiny_course import master  # noqa: E402

PEACEFUL = {"read", "look", "lie", "patch", "forge", "cells", "marks", "file", "place"}
SIZE = 8  # attacks in a class
FIRST_USER = 64_000  # nobody's: processes are counted by user, so each worker has one of its own


def walls(slot: int, users: Path) -> list[str]:
    """Return the command line of a supervisor in its walls."""
    root = os.geteuid() == 0
    line = ["bwrap", "--die-with-parent", "--new-session", "--unshare-pid", "--unshare-net"]
    line += ["--unshare-ipc", "--unshare-uts", "--perms", "0755", "--tmpfs", "/"]
    line += ["--ro-bind", "/usr", "/usr", *_system(), "--dev", "/dev"]
    line += ["--ro-bind", str(users), "/etc/passwd"]
    for name in ("lstm_ref", "lstm_grader", "tests", "tools"):
        line += [*_folders(REPOSITORY / name), "--ro-bind", str(ROOT / name)]
        line += [str(REPOSITORY / name)]
    for path in sorted({Path(p).resolve() for p in (sys.prefix, sys.base_prefix)}):
        if not path.is_relative_to("/usr"):
            line += [*_folders(path), "--ro-bind", str(path), str(path)]
    place = SLOTS / str(slot)
    line += [
        *_folders(HOME),
        *_folders(SLOTS),
        *_folders(BYTECODE),
        "--perms",
        "1777",
        "--size",
        str(LIMITS["disk"]),
    ]
    line += ["--tmpfs", str(place), "--perms", "1777", "--size", "33554432", "--tmpfs", "/tmp"]
    line += _folders(Path("/proc")) if root else ["--proc", "/proc"]
    line += ["--remount-ro", "/", "--chdir", str(REPOSITORY), "--clearenv"]
    prefix = Path(sys.prefix).resolve()
    for name, value in {
        "HOME": "/tmp",
        "LANG": "C.UTF-8",
        "OPENBLAS_NUM_THREADS": "1",
        "PATH": f"{prefix}/bin:/usr/bin:/bin:/usr/sbin",
        "PYTHONPATH": str(REPOSITORY),
    }.items():
        line += ["--setenv", name, value]
    if root:  # to become an ordinary user, whose processes are counted
        kept = ("CAP_SYS_ADMIN", "CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP")
        line += ["--cap-drop", "ALL", *(word for cap in kept for word in ("--cap-add", cap))]
        user = FIRST_USER + slot
        become = f"setpriv --reuid={user} --regid={user} --clear-groups --bounding-set=-all"
        line += ["sh", "-c", f'mount -t proc proc /proc && exec {become} "$@"', "sh"]
    else:
        line += ["--unshare-user"]
    python = prefix / "bin" / Path(sys.executable).name
    return [*line, str(python), "-m", "tests.hostile.plain_nbgrader", str(slot)]


def _system() -> Iterator[str]:
    for name in _MERGED:
        path = Path("/", name)
        if path.is_symlink():
            yield from ("--symlink", os.readlink(path), str(path))
        elif path.is_dir():
            yield from ("--ro-bind", str(path), str(path))
    yield from _folders(Path("/etc"))
    for name in _CONFIGURATION:
        yield from ("--ro-bind-try", f"/etc/{name}", f"/etc/{name}")


def _folders(path: Path) -> list[str]:
    """Make a folder and those above it, open to everybody."""
    words: list[str] = []
    for folder in [*reversed(path.parents[:-1]), path]:
        words += ["--perms", "0755", "--dir", str(folder)]
    return words


def measure(attacks: list[Attack], workers: int = 1) -> Iterator[tuple[Attack, dict[str, Any]]]:
    """Run attacks through plain nbgrader.

    Yields
    ------
    attack, outcome
        As soon as one is known.
    """
    todo: queue.SimpleQueue[list[Attack]] = queue.SimpleQueue()
    done: queue.SimpleQueue[Any] = queue.SimpleQueue()
    for some in _classes(attacks):
        todo.put(some)
    if os.geteuid() != 0:
        workers = 1  # all would count as one user
    with tempfile.TemporaryDirectory(prefix="lstm-hostile-") as folder:
        Path(folder).chmod(0o755)
        users = Path(folder) / "passwd"
        own = (f"teacher:x:{u}:{u}::{HOME}:/bin/sh\n" for u in _users(workers))
        users.write_text("".join(["root:x:0:0:root:/root:/bin/sh\n", *own]))
        users.chmod(0o644)
        threads = [
            threading.Thread(target=_work, args=(walls(slot, users), todo, done), daemon=True)
            for slot in range(workers)
        ]
        for thread in threads:
            thread.start()
        for _ in attacks:  # each comes once
            found = done.get()
            if isinstance(found, Exception):
                raise found
            yield found
        for thread in threads:
            thread.join()


def _users(workers: int) -> list[int]:
    return [FIRST_USER + k for k in range(workers)] if os.geteuid() == 0 else [os.geteuid()]


def _classes(attacks: list[Attack]) -> list[list[Attack]]:
    """Put attacks that are expected to harm nobody but themselves into classes, long ones first."""
    alone = [[attack] for attack in attacks if attack.kind not in PEACEFUL]
    alone.sort(key=lambda some: some[0].kind not in ("wait", "take"))
    rest = [attack for attack in attacks if [attack] not in alone]
    return [*alone, *(rest[k : k + SIZE] for k in range(0, len(rest), SIZE))]


def _work(line: list[str], todo: Any, done: Any) -> None:
    try:
        with subprocess.Popen(
            line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as run:
            assert run.stdin is not None
            assert run.stdout is not None
            while True:
                try:
                    some = todo.get_nowait()
                except queue.Empty:
                    run.stdin.close()
                    return
                run.stdin.write(json.dumps([attack.id for attack in some]) + "\n")
                run.stdin.flush()
                said = run.stdout.readline()
                if not said:
                    raise RuntimeError(f"the supervisor ended at {some[0].id}")
                outcomes = json.loads(said)
                if outcomes is None:
                    half = len(some) // 2
                    todo.put(some[:half])
                    todo.put(some[half:])
                else:
                    for attack in some:
                        done.put((attack, outcomes[attack.id]))
    except Exception as error:
        done.put(error)


def here(attack: Attack) -> str:
    """Say what must come of an attack with lstm-grader: what the tests look for."""
    if attack.folder:
        return "not collected"
    if attack.earns is None:
        return "not graded, no score" if attack.collected else "not collected, no score"
    return f"at most {attack.earns} points" if attack.spoils else f"{attack.earns} points"


def record(results: dict[str, Any]) -> None:
    """Write what is known, in the order of the corpus."""
    listed = [results[a.id] | {"here": here(a)} for a in ATTACKS if a.id in results]
    found = {"nbgrader": version("nbgrader"), "limits": LIMITS, "kinds": KINDS, "attacks": listed}
    text = json.dumps(found, indent=1, ensure_ascii=False) + "\n"
    aside = RESULTS.with_suffix(".new")
    aside.write_text(text, encoding="utf-8")
    aside.replace(RESULTS)


def known() -> dict[str, Any]:
    """Return what has been measured, by attack."""
    if not RESULTS.is_file():
        return {}
    listed = json.loads(RESULTS.read_text(encoding="utf-8"))["attacks"]
    return {f"{one['kind']}/{one['name']}": one for one in listed}


def main() -> int:
    """Measure what has not been measured, and write it down."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--all", action="store_true", help="measure again what is known")
    parser.add_argument(
        "--only", metavar="TEXT", default="", help="attacks with this in their name"
    )
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    if shutil.which("bwrap") is None:
        print("error: bubblewrap (bwrap) is needed: no attack runs without walls", file=sys.stderr)
        return 2
    results, released = known(), master()
    wanted = [attack for attack in ATTACKS if arguments.only in attack.id]
    if not arguments.all:
        wanted = [a for a in wanted if results.get(a.id, {}).get("digest") != a.digest(released)]
    for number, (attack, outcome) in enumerate(measure(wanted, arguments.workers), 1):
        results[attack.id] = {
            "kind": attack.kind,
            "name": attack.name,
            "digest": attack.digest(released),
            "here": here(attack),
            "nbgrader": outcome,
        }
        record(results)
        told = {key: value for key, value in outcome.items() if value}
        print(f"[{number}/{len(wanted)}] {attack.id}: {told}", flush=True)
    record(results)
    return 0


if __name__ == "__main__":
    sys.exit(main())
