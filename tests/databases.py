"""A PostgreSQL server of the tests' own, on loopback; without one, tests are skipped."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

__all__ = ["Postgres"]


def _programs() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if found:
        return found[-1].parent
    program = shutil.which("initdb")
    return Path(program).parent if program else None


class Postgres:
    """A server in a folder of its own, that can be killed and started again.

    Parameters
    ----------
    folder : Path
        New; its parents are opened to the server's user where we are root.
    """

    def __init__(self, folder: Path) -> None:
        programs = _programs()
        if programs is None:
            pytest.skip("PostgreSQL is not installed")
        self.programs, self.folder = programs, folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        folder.mkdir()
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root
            shutil.chown(folder, "postgres", "postgres")
            for parent in folder.parents:
                if parent.owner() == "root" and not parent.stat().st_mode & 0o001:
                    parent.chmod(parent.stat().st_mode | 0o011)
        self._run("initdb", "--auth=trust", "--username=grader", "--no-sync", "-D", str(folder))
        self.start()
        self._run("createdb", "-h", "127.0.0.1", "-p", str(self.port), "-U", "grader", "class")

    @property
    def url(self) -> str:
        """The gradebook's address."""
        return f"postgresql+psycopg://grader@127.0.0.1:{self.port}/class"

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self.programs / program), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, cwd="/", **_as_server())
        assert done.returncode == 0, done.stderr

    def start(self) -> None:
        """Start the server and wait until it answers."""
        command = [str(self.programs / "postgres"), "-D", str(self.folder), "-p", str(self.port)]
        command += ["-h", "127.0.0.1", "-k", "", "-c", "fsync=off"]
        self.server = subprocess.Popen(
            command,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            start_new_session=True,
            **_as_server(),
        )
        end = time.monotonic() + 30
        while time.monotonic() < end:
            ask = [str(self.programs / "pg_isready"), "-h", "127.0.0.1", "-p", str(self.port)]
            if subprocess.run(ask, capture_output=True).returncode == 0:
                return
            time.sleep(0.1)
        raise RuntimeError("PostgreSQL did not start")

    def kill(self) -> None:
        """End it at once, without a word to its clients."""
        os.killpg(self.server.pid, signal.SIGKILL)
        self.server.wait()


def _as_server() -> dict[str, object]:
    if os.geteuid() != 0:
        return {}
    user = pwd.getpwnam("postgres")
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
