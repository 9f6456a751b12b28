"""A sandbox around student code, made by bubblewrap: what it may see, and what it may use up.

One sandbox holds one *server* (`lstm_grader.inside.server`): Python with NumPy, matplotlib and
IPython loaded, and not a line of student code. For each submission the server forks a child and
puts it into namespaces of its own, so that submissions share nothing that can be written:

- files: the interpreter and the system's libraries, read-only; an empty folder of its own and
  ``/tmp``, both in memory and of limited size; no home, no course, no class, no ``/proc``
- processes: it is the first of its own process namespace and sees no other; all that it starts
  ends with it
- network and shared memory: none but its own
- rights: an ordinary user without capabilities that cannot gain any. Where the grader runs as
  root, that user is nobody
- environment: a handful of variables that we set
- limits (`Quota`) on memory, processor time, processes, sizes of files and folders

A sandbox that cannot be made raises `NoSandbox` with the reason; nothing falls back to less.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from lstm_grader import image
from lstm_grader.course import GraderError

__all__ = ["Child", "NoSandbox", "Quota", "Sandbox", "command"]

START_UP = 120.0  # seconds for the server to load its libraries, on a busy machine
ANSWER = 30.0  # seconds for the server to fork
COURSE, ENVIRONMENT = "/lstm/course", "/lstm/env"
_MERGED = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
_CONFIGURATION = ("ld.so.cache", "fonts", "localtime", "alternatives")


class NoSandbox(GraderError):
    """No sandbox can be made here; the message says why, and what can be done."""


class Quota(NamedTuple):
    """What one submission may use up.

    Attributes
    ----------
    memory : int
        Bytes of address space of one process.
    seconds : int
        Processor time of one process.
    processes : int
        Processes and threads at one time.
    file_size : int
        Bytes of one file.
    folder : int
        Bytes of its folder and of ``/tmp`` each.
    files : int
        Open files of one process.
    """

    memory: int = 3 << 30
    seconds: int = 600
    processes: int = 32
    file_size: int = 32 << 20
    folder: int = 64 << 20
    files: int = 128


def command(course: Path, control: int) -> list[str]:
    """Return the command line that starts a server in a sandbox.

    Parameters
    ----------
    course : Path
        Made by `lstm_grader.image.build`.
    control : int
        File descriptor of the socket on which the server takes orders.

    Raises
    ------
    NoSandbox
        If this machine has no bubblewrap.
    """
    found = shutil.which("bwrap")
    if sys.platform != "linux" or found is None:
        raise NoSandbox(_advice("bubblewrap (the program bwrap) is not installed"))
    prefix, base = Path(sys.prefix).resolve(), Path(sys.base_prefix).resolve()
    interpreter = ENVIRONMENT if prefix != base else str(base)
    line = [found, "--die-with-parent", "--new-session", *_namespaces()]
    line += ["--perms", "0755", "--tmpfs", "/", "--ro-bind", "/usr", "/usr"]
    line += list(_system())
    line += ["--dev", "/dev", "--proc", "/proc", "--perms", "1777", "--tmpfs", "/tmp"]
    line += [*_folders(Path("/lstm/work")), *_folders(Path(COURSE))]
    line += ["--ro-bind", str(course), COURSE]
    if not base.is_relative_to("/usr"):
        line += [*_folders(base), "--ro-bind", str(base), str(base)]
    if prefix != base:
        line += [*_folders(Path(ENVIRONMENT)), "--ro-bind", str(prefix), ENVIRONMENT]
    line += [*_masked(prefix, interpreter), *_masked(base, str(base))]
    line += ["--remount-ro", "/dev", "--remount-ro", "/", "--chdir", "/lstm/work", "--clearenv"]
    for name, value in _variables().items():
        line += ["--setenv", name, value]
    name = Path(sys.executable).name
    return [*line, f"{interpreter}/bin/{name}", "-m", "lstm_grader.inside.server", str(control)]


def _namespaces() -> list[str]:
    separate = ["--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts"]
    if os.geteuid() == 0:  # the server makes each child nobody, and may do nothing else
        kept = ("CAP_SETUID", "CAP_SETGID", "CAP_KILL")
        return [*separate, "--cap-drop", "ALL", *(w for c in kept for w in ("--cap-add", c))]
    return [*separate, "--unshare-user"]


def _system() -> Iterator[str]:
    """Yield what a program needs of the system beside ``/usr``."""
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
    """Make a folder and those above it, open to everybody: bubblewrap's own are not."""
    words: list[str] = []
    for folder in [*reversed(path.parents[:-1]), path]:
        words += ["--perms", "0755", "--dir", str(folder)]
    return words


def _masked(prefix: Path, inside: str) -> Iterator[str]:
    """Yield what hides an installed copy of this course: it holds the answers."""
    for package in ("lstm_ref", "lstm_grader"):
        for path in prefix.glob(f"lib/python*/site-packages/{package}"):
            place = f"{inside}/{path.relative_to(prefix)}"
            yield from ("--tmpfs", place, "--remount-ro", place)


def _variables() -> dict[str, str]:
    return {
        "HOME": "/tmp",
        "IPYTHONDIR": "/tmp/ipython",
        "LANG": "C.UTF-8",
        "MPLBACKEND": "Agg",
        "MPLCONFIGDIR": "/tmp/matplotlib",
        "NBGRADER_EXECUTION": "autograde",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "PATH": "/usr/bin:/bin",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONNOUSERSITE": "1",
        "PYTHONPATH": COURSE,
        "TMPDIR": "/tmp",
    }


def _advice(reason: str) -> str:
    return (
        f"no sandbox can be made: {reason}\n"
        "install it (Debian, Ubuntu: apt-get install bubblewrap) on a Linux that lets users make\n"
        "namespaces, or grade in a container or virtual machine that has it; to run submissions\n"
        "you trust as ordinary programs of yours, give --trust-submissions"
    )


class Child:
    """One submission's process in a sandbox.

    Attributes
    ----------
    socket : socket.socket
        For `lstm_grader.wire`.
    """

    def __init__(self, sandbox: "Sandbox", sock: socket.socket, pid: int) -> None:
        self.socket = sock
        self._sandbox = sandbox
        self._pid = pid

    def interrupt(self) -> None:
        """Ask it to stop what it does."""
        self._sandbox.order({"do": "interrupt", "pid": self._pid})

    def close(self) -> None:
        """End it and all that it started."""
        self.socket.close()
        with suppress(GraderError):
            self._sandbox.order({"do": "end", "pid": self._pid})


class Sandbox:
    """A sandbox with its server, from its start to its end; a context manager.

    Parameters
    ----------
    quota : Quota
    answers : frozenset of str
        See `lstm_grader.image.build`.

    Raises
    ------
    NoSandbox
    """

    def __init__(self, quota: Quota | None = None, answers: frozenset[str] = frozenset()) -> None:
        self.quota = quota or Quota()
        self._lock = threading.Lock()
        self._folder = tempfile.TemporaryDirectory(prefix="lstm-sandbox-")
        Path(self._folder.name).chmod(0o755)
        self._said = Path(self._folder.name) / "said"
        self._process: subprocess.Popen[bytes] | None = None
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            course = Path(self._folder.name) / "course"
            image.build(course, answers)
            with theirs, self._said.open("wb") as said:
                line = command(course, theirs.fileno())
                self._process = subprocess.Popen(
                    line,
                    stdin=subprocess.DEVNULL,
                    stdout=said,
                    stderr=said,
                    pass_fds=[theirs.fileno()],
                )
            self._heard(START_UP)
            self.child().close()  # namespaces are made by the first child: does it come to life?
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> "Sandbox":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the server and every child."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
        self._control.close()
        self._folder.cleanup()

    def child(self) -> Child:
        """Fork a child for one submission.

        Raises
        ------
        NoSandbox
            If the server is gone, or a namespace cannot be made.
        """
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                wanted = {"do": "fork", "quota": self.quota._asdict()}
                answer = self.order(wanted, [theirs.fileno()])
            if "pid" not in answer:
                raise NoSandbox(_advice(str(answer.get("error"))))
        except BaseException:
            ours.close()
            raise
        return Child(self, ours, int(answer["pid"]))

    def order(self, what: dict[str, Any], descriptors: list[int] | None = None) -> dict[str, Any]:
        """Give the server an order and return its answer."""
        with self._lock:
            try:
                socket.send_fds(self._control, [json.dumps(what).encode()], descriptors or [])
            except OSError as error:
                raise NoSandbox(f"the sandbox's server is gone: {error}") from None
            return self._heard(ANSWER)

    def _heard(self, seconds: float) -> dict[str, Any]:
        self._control.settimeout(seconds)
        start = time.monotonic()
        try:
            data = self._control.recv(65536)
        except OSError:
            waited = time.monotonic() - start
            raise NoSandbox(f"the sandbox's server has not answered for {waited:.0f} s") from None
        if not data:
            said = self._said.read_text("utf-8", "replace").strip().splitlines()
            raise NoSandbox(_advice(said[-1] if said else "bubblewrap ended without a word"))
        answer: dict[str, Any] = json.loads(data)
        return answer
