"""One Jupyter kernel of this Python, run cell by cell with a time limit."""

import os
import sys
import time
from contextlib import suppress
from pathlib import Path
from queue import Empty
from typing import Any

from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import KernelManager
from nbformat.v4 import output_from_msg

__all__ = ["Kernel", "KernelDied", "TimedOut"]

OUTPUT_LIMIT = 1_000_000  # characters of output one cell may leave
PATIENCE = 5.0  # seconds an interrupted kernel has to answer
START_UP = 60.0  # seconds a kernel has to start

_SHOWN = ("stream", "display_data", "execute_result", "error")


class KernelDied(Exception):
    """The kernel's process ended while a cell ran."""


class TimedOut(Exception):
    """A cell ran out of time.

    Parameters
    ----------
    obeyed : bool
        Whether the kernel could be interrupted and goes on.
    """

    def __init__(self, obeyed: bool) -> None:
        super().__init__("the cell ran out of time")
        self.obeyed = obeyed


class _ThisPython(KernelSpecManager):
    """Finds one kernel only: this interpreter, whatever kernels the user has installed."""

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        return KernelSpec(argv=argv, display_name="Python 3", language="python")


class Kernel:
    """A kernel, from its start to its end.

    Parameters
    ----------
    folder : Path
        Its working directory.
    profile : Path
        An empty folder in place of the user's IPython profile.

    Raises
    ------
    RuntimeError, OSError
        If it does not start.
    """

    def __init__(self, folder: Path, profile: Path) -> None:
        self._manager = KernelManager(
            kernel_name="python3",
            kernel_spec_manager=_ThisPython(),
            shutdown_wait_time=1.0,
            **_transport(profile),
        )
        self._manager.start_kernel(
            cwd=str(folder),
            env=_environment(profile),
            extra_arguments=["--HistoryManager.hist_file=:memory:"],
        )
        self._client = self._manager.blocking_client()
        self._client.start_channels()
        try:
            self._client.wait_for_ready(timeout=START_UP)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End the kernel at once."""
        self._client.stop_channels()
        with suppress(RuntimeError, OSError):
            self._manager.shutdown_kernel(now=True)

    def run(self, source: str, seconds: float) -> list[dict[str, Any]]:
        """Run a cell and return its outputs, as nbformat writes them.

        Raises
        ------
        TimedOut
            After `seconds`; the cell has then been interrupted.
        KernelDied
        """
        message = self._client.execute(source, allow_stdin=False, stop_on_error=False)
        outputs: list[dict[str, Any]] = []
        try:
            reply = self._follow(message, outputs, time.monotonic() + seconds)
        except TimeoutError:
            raise TimedOut(self._interrupt(message)) from None
        if reply["status"] != "ok" and not any(o["output_type"] == "error" for o in outputs):
            # What was said on the way may get lost in a flood; the reply does not.
            said = {key: reply.get(key, "") for key in ("ename", "evalue")}
            outputs.append(
                {"output_type": "error", **said, "traceback": reply.get("traceback", [])}
            )
        return outputs

    def _follow(
        self, message: str, outputs: list[dict[str, Any]], deadline: float
    ) -> dict[str, Any]:
        """Collect outputs until the kernel is idle again; return its reply."""
        written = 0
        reply: dict[str, Any] | None = None
        while True:
            try:
                heard = self._client.get_iopub_msg(timeout=0.2)
            except Empty:
                if reply is not None:
                    return reply  # and the word that it is idle has been lost
                reply = self._reply(message, 0)
                if reply is None and not self._manager.is_alive():
                    raise KernelDied from None
                heard = None
            if heard is not None and heard["parent_header"].get("msg_id") == message:
                kind, content = heard["msg_type"], heard["content"]
                if kind == "status" and content["execution_state"] == "idle":
                    reply = reply or self._reply(message, PATIENCE)
                    if reply is None:
                        raise KernelDied
                    return reply
                if kind in _SHOWN:
                    written += len(str(content))
                    if written <= OUTPUT_LIMIT or kind == "error":
                        _add(outputs, output_from_msg(heard))  # type: ignore[no-untyped-call]
                elif kind == "clear_output":
                    outputs.clear()
            if time.monotonic() > deadline:
                raise TimeoutError

    def _reply(self, message: str, seconds: float) -> dict[str, Any] | None:
        """Return the reply to a request, if it comes in time."""
        with suppress(Empty):
            while True:
                heard = self._client.get_shell_msg(timeout=seconds)
                if heard["parent_header"].get("msg_id") == message:
                    content: dict[str, Any] = heard["content"]
                    return content
        return None

    def _interrupt(self, message: str) -> bool:
        """Stop the running cell; tell whether the kernel obeyed."""
        self._manager.interrupt_kernel()
        try:
            self._follow(message, [], time.monotonic() + PATIENCE)
        except (TimeoutError, KernelDied):
            return False
        return True


def _add(outputs: list[dict[str, Any]], output: Any) -> None:
    """Append an output; text to the same stream goes on in the one before."""
    if outputs and output["output_type"] == "stream":
        last = outputs[-1]
        if last["output_type"] == "stream" and last["name"] == output["name"]:
            last["text"] += output["text"]
            return
    outputs.append(dict(output))


def _transport(profile: Path) -> dict[str, str]:
    """Talk through files, which other users cannot read, where the system has such sockets."""
    if sys.platform == "win32":
        return {}
    profile.mkdir(exist_ok=True)
    return {"transport": "ipc", "ip": str(profile / "socket")}


def _environment(profile: Path) -> dict[str, str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("JPY_", "IPYTHON"))}
    return environment | {
        "IPYTHONDIR": str(profile),
        "NBGRADER_EXECUTION": "autograde",
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
    }
