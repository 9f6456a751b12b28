"""Proof, on the spot, that the sandbox holds: it is attacked, and every attack must fail.

An attack is a notebook cell. It runs where submissions run, and has failed if it raises, is
stopped, or ends its own process; it has succeeded if it comes to its end.
"""

import contextlib
import os
import socket
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lstm_grader.remote import Gone, OutOfTime, Student
from lstm_grader.sandbox import Quota, Sandbox

__all__ = ["ATTACKS", "Attack", "Finding", "examine"]

QUOTA = Quota(memory=2 << 30, seconds=20, processes=16, file_size=8 << 20, folder=16 << 20)
SECONDS = 3.0  # for one attack
_NAME = "LSTM_DOCTOR_SECRET"


@dataclass(frozen=True)
class Attack:
    """What is tried, and the cell that tries it; ``{secret}`` and ``{port}`` are filled in."""

    tries: str
    source: str


@dataclass(frozen=True)
class Finding:
    """One attack's outcome: whether it was refused, and how that showed."""

    attack: Attack
    refused: bool
    how: str


ATTACKS = (
    Attack("read a file of the grader's machine", "open({secret!r}).read()"),
    Attack("read the list of users", "open('/etc/passwd').read()"),
    Attack("list a home folder", "import os\nos.listdir(os.path.expanduser('~root'))[0]"),
    Attack(
        "find the secret in the environment",
        "import os\nassert any('doctor' in value for value in os.environ.values())",
    ),
    Attack("see another process", "import os\n[p for p in os.listdir('/proc') if p.isdigit()][0]"),
    Attack("read the memory of the first process", "open('/proc/1/mem', 'rb').read(1)"),
    Attack(
        "end the server that started it",
        "import os, signal\nassert os.getppid() > 0\nos.kill(os.getppid(), signal.SIGKILL)",
    ),
    Attack(
        "import a reference answer",
        "from lstm_ref.cells import forget_gate\nforget_gate.__code__",
    ),
    Attack(
        "call a reference answer",
        "import numpy as np, lstm_ref\nlstm_ref.update_cell(*np.ones((4, 1, 1)))",
    ),
    Attack(
        "find a reference answer's source",
        "import glob, sys\n"
        "paths = [p for folder in sys.path if folder\n"
        "         for p in glob.glob(folder + '/lstm_*/**/cells.py', recursive=True)]\n"
        "[p for p in paths if 'np.tanh' in open(p).read()][0]",
    ),
    Attack("import the grader", "import lstm_grader.grading"),
    Attack("import the checks", "from lstm_ref.checks.runner import Assignment"),
    Attack("write into the system", "open('/usr/lib/x', 'w')"),
    Attack("write into the interpreter", "import os\nopen(os.__file__, 'a')"),
    Attack("write beside its folder", "open('/lstm/x', 'w')"),
    Attack("write into the root folder", "open('/x', 'w')"),
    Attack(
        "reach a service on this machine",
        "import socket\nsocket.create_connection(('127.0.0.1', {port}), 1)",
    ),
    Attack("reach the network", "import socket\nsocket.create_connection(('192.0.2.1', 80), 1)"),
    Attack(
        "send a datagram",
        "import socket\n"
        "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('192.0.2.1', 53))",
    ),
    Attack("become root", "import os\nos.setuid(0)\nassert os.geteuid() == 0"),
    Attack(
        "gain a capability through a program",
        "import ctypes\nassert ctypes.CDLL(None).prctl(39, 0, 0, 0, 0) == 0, 'no new privileges'",
    ),
    Attack(
        "mount a file system",
        "import ctypes\nlibc = ctypes.CDLL(None)\n"
        "assert libc.mount(b'none', b'/tmp', b'tmpfs', 0, None) == 0, 'mount'",
    ),
    Attack(
        "take away a mount",
        "import ctypes\nassert ctypes.CDLL(None).umount2(b'/tmp', 2) == 0, 'umount'",
    ),
    Attack(
        "make a namespace",
        "import ctypes\nassert ctypes.CDLL(None).unshare(0x10000000) == 0, 'unshare'",
    ),
    Attack(
        "change its root folder",
        "import os\nos.chroot('/tmp')",
    ),
    Attack("raise its own limits", "import resource as r\nr.setrlimit(r.RLIMIT_AS, (-1, -1))"),
    Attack(
        "fork without end",
        "import os, time\nfor _ in range(200):\n    if os.fork() == 0:\n        time.sleep(60)",
    ),
    Attack(
        "start threads without end",
        "import threading, time\n"
        "for _ in range(200):\n"
        "    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()",
    ),
    Attack("take all memory", "x = bytearray(8 << 30)"),
    Attack(
        "fill the disk",
        "for k in range(40):\n    open(f'/tmp/{{k}}', 'wb').write(bytes(1 << 20))",
    ),
    Attack("write one huge file", "open('/lstm/work/x', 'wb').write(bytes(12 << 20))"),
    Attack(
        "open files without end", "import os\nx = [os.open('/dev/null', 0) for _ in range(500)]"
    ),
    Attack("loop without end", "while True:\n    pass"),
    Attack(
        "loop without end and refuse to be stopped",
        "while True:\n    try:\n        while True:\n            pass\n"
        "    except BaseException:\n        pass",
    ),
    Attack("end its process", "import os\nos._exit(0)"),
    Attack(
        "send forged messages",
        "import os\n"
        "for descriptor in range(3, 100):\n"
        "    try:\n        os.write(descriptor, b'LSTM' + bytes(100))\n"
        "    except OSError:\n        pass",
    ),
)

_LEAVE = """
import os, threading, time
for folder in ('/tmp', '/dev/shm', '/lstm/work', '.'):
    open(folder + '/left', 'w').write('left')
if os.fork() == 0:
    os.setsid()
    while True:
        time.sleep(0.1)
        open('/tmp/alive', 'a').write('x')
"""
_LOOK = Attack(
    "find what an earlier submission left",
    "import os, time\ntime.sleep(0.3)\n"
    "found = [f for f in ('/tmp', '/dev/shm', '/lstm/work', '.')\n"
    "         if {{'left', 'alive'}} & set(os.listdir(f))]\n"
    "found[0]",
)


def examine() -> Iterator[Finding]:
    """Make a sandbox and attack it.

    Yields
    ------
    Finding
        One for each attack, as it is made.

    Raises
    ------
    NoSandbox
        If none can be made.
    """
    with (
        tempfile.TemporaryDirectory(prefix="lstm-doctor-") as folder,
        socket.create_server(("127.0.0.1", 0)) as service,
        _in_environment(_NAME, "a doctor's secret"),
        Sandbox(QUOTA) as sandbox,
    ):
        secret = Path(folder) / "secret"
        secret.write_text("a doctor's secret", encoding="utf-8")
        Path(folder).chmod(0o755)
        filled = {"secret": str(secret), "port": service.getsockname()[1]}
        for attack in ATTACKS:
            yield _try(sandbox, attack, filled)
        _try(sandbox, Attack("leave something behind", _LEAVE.replace("{", "{{")), filled)
        yield _try(sandbox, _LOOK, filled)


@contextlib.contextmanager
def _in_environment(name: str, value: str) -> Iterator[None]:
    os.environ[name] = value
    try:
        yield
    finally:
        del os.environ[name]


def _try(sandbox: Sandbox, attack: Attack, filled: dict[str, object]) -> Finding:
    with contextlib.closing(Student(sandbox.child(), {})) as student:
        student.deadline = time.monotonic() + SECONDS
        try:
            outputs = student.run_cell(attack.source.format(**filled), frozenset())
        except OutOfTime:
            return Finding(attack, True, "stopped after its time")
        except Gone as gone:
            slow = "did not finish" in str(gone)
            return Finding(attack, True, "its process was ended" if slow else "its process ended")
    errors = [output for output in outputs if output["output_type"] == "error"]
    if not errors:
        return Finding(attack, False, "it came to its end")
    text = str(errors[0]["evalue"]).splitlines() or [""]
    return Finding(attack, True, f"{errors[0]['ename']}: {text[0][:60]}".strip(": "))
