"""The server in the sandbox: loads the libraries once, forks a child a submission.

It runs no student code and holds nothing secret. Each child goes through `_confine` before it runs
anything: an own user, mounts, processes, network and shared memory, no capability, and limits.
"""

import array
import ctypes
import json
import os
import resource
import signal
import socket
import sys
from typing import Any, NoReturn

from lstm_grader.inside.student import Student, load

__all__ = ["main"]

NOBODY = 65534
WORK = "/lstm/work"
_FLAGS = {
    "mounts": 0x00020000,
    "names": 0x04000000,
    "shared memory": 0x08000000,
    "users": 0x10000000,
    "processes": 0x20000000,
    "network": 0x40000000,
}
_NOSUID_NODEV = 2 | 4
_SET_DUMPABLE, _BOUNDING_DROP, _DEATH_SIGNAL, _NO_NEW_PRIVILEGES = 4, 24, 1, 38
_LIBC = ctypes.CDLL(None, use_errno=True)


def main(control: int) -> None:
    """Take orders until the other end closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    shell = load()
    with socket.socket(fileno=control) as orders:
        orders.send(b"{}")
        children: dict[int, int] = {}  # the student's process, by the one that waits for it
        while True:
            data, descriptors = _receive(orders)
            if not data:
                return
            order = json.loads(data)
            if order["do"] == "fork":
                answer = _fork(descriptors[0], order["quota"], shell, children, control)
            else:
                answer = _signal(order, children)
            for descriptor in descriptors:
                os.close(descriptor)
            orders.send(json.dumps(answer).encode())


def _receive(orders: socket.socket) -> tuple[bytes, list[int]]:
    data, ancillary, _, _ = orders.recvmsg(65536, socket.CMSG_SPACE(array.array("i").itemsize))
    descriptors = array.array("i")
    for level, kind, content in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            descriptors.frombytes(content[: len(content) - len(content) % descriptors.itemsize])
    return data, list(descriptors)


def _signal(order: dict[str, Any], children: dict[int, int]) -> dict[str, Any]:
    pid = order["pid"]
    if pid in children:
        try:
            os.kill(pid, signal.SIGINT if order["do"] == "interrupt" else signal.SIGKILL)
        except ProcessLookupError:
            pass
        if order["do"] == "end":
            os.waitpid(children.pop(pid), 0)
    return {}


def _fork(
    connection: int, quota: dict[str, int], shell: Any, children: dict[int, int], control: int
) -> dict[str, Any]:
    """Fork twice: the second child is the first process of the new process namespace."""
    reader, writer = os.pipe()
    keeper = os.fork()
    if keeper == 0:
        os.close(reader)
        os.close(control)
        _keep(connection, quota, shell, writer)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        said = pipe.readline()
    answer: dict[str, Any] = json.loads(said or b'{"error": "a child ended at once"}')
    if "pid" in answer:
        children[answer["pid"]] = keeper
    else:
        os.waitpid(keeper, 0)
    return answer


def _keep(connection: int, quota: dict[str, int], shell: Any, writer: int) -> NoReturn:
    """Make the namespaces, start the student's process, and wait for its end."""
    code = 1
    try:
        _separate()
        report, done = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(report)
            os.close(writer)
            _be_student(connection, quota, shell, done)
        os.close(done)
        os.close(connection)
        with os.fdopen(report, "rb") as pipe:
            problem = pipe.readline()
        answer: dict[str, Any] = {"error": problem.decode()} if problem else {"pid": pid}
        os.write(writer, json.dumps(answer).encode() + b"\n")
        os.close(writer)
        os.waitpid(pid, 0)
        code = 0
    except BaseException as error:
        os.write(writer, json.dumps({"error": f"{error}"}).encode() + b"\n")
    finally:
        os._exit(code)


def _separate() -> None:
    """Leave every namespace of the server; as root, become nobody first."""
    if os.geteuid() == 0:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
        _check(_LIBC.prctl(_SET_DUMPABLE, 1, 0, 0, 0), "the new user cannot be set up")
    user, group = os.getuid(), os.getgid()
    _check(_LIBC.unshare(sum(_FLAGS.values())), "namespaces cannot be made")
    for name, text in (("setgroups", "deny"), ("uid_map", user), ("gid_map", group)):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text if isinstance(text, str) else f"{text} {text} 1")
    with open("/proc/self/oom_score_adj", "w") as file:
        file.write("1000")  # out of memory, this one goes first


def _be_student(connection: int, quota: dict[str, int], shell: Any, done: int) -> NoReturn:
    try:
        _confine(connection, quota, done)
        os.close(done)
    except BaseException as error:
        os.write(done, f"{type(error).__name__}: {error}\n".encode())
        os._exit(1)
    try:
        Student(socket.socket(fileno=connection), shell).serve()
    finally:
        os._exit(0)


def _confine(connection: int, quota: dict[str, int], done: int) -> None:
    """Give up everything that a submission does not need."""
    _LIBC.prctl(_DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0)
    try:  # no namespaces inside namespaces: less of the kernel to attack
        with open("/proc/sys/user/max_user_namespaces", "w") as file:
            file.write("0")
    except OSError:
        pass
    size = quota["folder"]
    for place in (WORK, "/tmp", "/dev/shm"):
        _mount(place, f"size={size},nr_inodes=4096,mode=0700")
    _mount("/proc", "size=4k,nr_inodes=2,mode=0555")
    os.chdir(WORK)
    for folder in ("/tmp/ipython", "/tmp/matplotlib"):
        os.mkdir(folder)
    _close_all_but(connection, done)
    os.setsid()
    _limit(quota)
    for capability in range(64):
        _LIBC.prctl(_BOUNDING_DROP, capability, 0, 0, 0)
    _drop_capabilities()
    _check(_LIBC.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0), "rights cannot be given up")
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _mount(place: str, options: str) -> None:
    done = _LIBC.mount(
        b"none", place.encode(), b"tmpfs", ctypes.c_ulong(_NOSUID_NODEV), options.encode()
    )
    _check(done, f"{place} cannot be mounted")


def _close_all_but(connection: int, done: int) -> None:
    nothing = os.open("/dev/null", os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nothing, descriptor)
    kept = sorted((connection, done))
    os.closerange(3, kept[0])
    os.closerange(kept[0] + 1, kept[1])
    os.closerange(kept[1] + 1, 4096)


def _limit(quota: dict[str, int]) -> None:
    wanted = {
        resource.RLIMIT_AS: quota["memory"],
        resource.RLIMIT_CPU: quota["seconds"],
        resource.RLIMIT_NPROC: quota["processes"],
        resource.RLIMIT_FSIZE: quota["file_size"],
        resource.RLIMIT_NOFILE: quota["files"],
        resource.RLIMIT_CORE: 0,
    }
    for kind, value in wanted.items():
        resource.setrlimit(kind, (value, value))


class _Header(ctypes.Structure):
    _fields_ = [("version", ctypes.c_uint32), ("pid", ctypes.c_int)]


class _Sets(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint32) for name in ("effective", "permitted", "inheritable")]


def _drop_capabilities() -> None:
    header, sets = _Header(0x20080522, 0), (_Sets * 2)()
    _check(_LIBC.capset(ctypes.byref(header), ctypes.byref(sets)), "rights cannot be dropped")


def _check(result: int, otherwise: str) -> None:
    if result != 0:
        raise OSError(f"{otherwise}: {os.strerror(ctypes.get_errno())}")


if __name__ == "__main__":
    main(int(sys.argv[1]))
