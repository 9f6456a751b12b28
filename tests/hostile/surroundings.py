"""What an attack on plain nbgrader could reach: it makes that, and becomes ``nbgrader``.

Started by `tests.hostile.plain_nbgrader` inside walls of its own; imports nothing of the course.
"""

import ctypes
import fcntl
import os
import signal
import socket
import struct
import sys
import threading
import time
from pathlib import Path

HOME = Path("/home/teacher")
PORT, INBOUND = 8080, 8642
FAR_AWAY = "192.0.2.1"  # an address for documentation; here the walled-in network's own
SECRET = "a teacher's secret"


def surround(command: list[str]) -> None:
    """Make the surroundings that an attack could reach, and become nbgrader."""
    _give_address(FAR_AWAY)
    if os.fork() == 0:
        _serve()
    _drop_rights()
    log = os.open(HOME / "log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for descriptor in (1, 2):
        os.dup2(log, descriptor)
    os.execv(sys.executable, [sys.executable, "-m", "nbgrader", *command])


def _give_address(address: str) -> None:
    """Give the walled-in network's own loopback a second address: the make-believe world."""
    request = struct.pack("16sH2s4s8x", b"lo:1", socket.AF_INET, b"", socket.inet_aton(address))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        fcntl.ioctl(sock, 0x8916, request)  # SIOCSIFADDR


def _drop_rights() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(47, 4, 0, 0, 0)  # PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL
    header, sets = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
    if libc.capset(header, sets) != 0:
        raise SystemExit("rights cannot be dropped")


def _serve() -> None:
    """Be the world outside, and a service on this machine; call whoever waits to be called."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    services = [socket.create_server(place) for place in ((FAR_AWAY, 80), ("127.0.0.1", PORT))]
    names = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    names.bind((FAR_AWAY, 53))
    _drop_rights()
    threads = [threading.Thread(target=_answer, args=(service,)) for service in services]
    threads.append(threading.Thread(target=_datagrams, args=(names,)))
    for thread in threads:
        thread.start()
    while True:
        time.sleep(0.1)
        try:
            with socket.create_connection(("127.0.0.1", INBOUND), 1) as sock:
                sock.sendall(SECRET.encode())
                _note()
        except OSError:
            pass


def _answer(service: socket.socket) -> None:
    while True:
        caller, _ = service.accept()
        with caller:
            _note()
            caller.sendall(f"HTTP/1.0 200 OK\r\n\r\n{SECRET}".encode())
            caller.shutdown(socket.SHUT_WR)
            caller.recv(10_000)


def _datagrams(names: socket.socket) -> None:
    while True:
        _, sender = names.recvfrom(10_000)
        _note()
        names.sendto(SECRET.encode(), sender)


def _note() -> None:
    with (HOME / "callers").open("a") as file:
        file.write("called\n")


if __name__ == "__main__":
    surround(sys.argv[1:])
