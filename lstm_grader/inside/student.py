"""A student's process: runs the notebook's own cells, and calls its functions when asked to.

Everything it says is a claim that the judge weighs. It answers one request at a time; in the midst
of a request it may ask the judge to call a function that the judge lent.
"""

import builtins
import contextlib
import io
import os
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from lstm_grader.inside import absent
from lstm_grader.wire import Closed, Wire, WireError, receive, send

__all__ = ["Student", "load"]

SHOWN = 10_000  # characters of what one call prints that are passed on
OUTPUT = 1_000_000  # characters of output a cell may leave


def load() -> Any:
    """Load the libraries and make the shell, once for all submissions."""
    import matplotlib.pyplot  # noqa: F401 (loaded here so that no child has to)
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    import lstm_ref.checks.artists
    import lstm_ref.checks.calling  # noqa: F401

    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "NoColor"
    config.InteractiveShell.autocall = 0
    config.InteractiveShell.cache_size = 0
    shell: Any = InteractiveShell.instance(config=config)
    compiler = shell.compile
    compiler.get_code_name = lambda raw, transformed, number: f"/tmp/cells/{number}.py"
    shell.run_cell("None", silent=True)
    return shell


class Refused(RuntimeError):
    """The judge does not lend that function."""


class Student:
    """Serves one judge over one connection.

    Parameters
    ----------
    connection : socket.socket
    shell : IPython.core.interactiveshell.InteractiveShell
    """

    def __init__(self, connection: socket.socket, shell: Any) -> None:
        self._socket = connection
        self._shell = shell
        self._wire = Wire(self._export, self._resolve)
        self._functions: dict[int, Any] = {}
        self._numbers: dict[int, int] = {}
        self._lent: dict[int, Any] = {}
        self._busy = False
        self._pid = os.getpid()
        absent.ask[0] = self._ask_reference

    def serve(self) -> None:
        """Answer requests until the judge hangs up."""
        signal.signal(signal.SIGINT, self._interrupt)
        while True:
            try:
                request = self._wire.decode(receive(self._socket))
            except Closed:
                return
            try:
                self._busy = True
                answer = self._answer(request)
            except KeyboardInterrupt:
                answer = {"stopped": True}
            finally:
                self._busy = False
            self._reply(answer)

    def _interrupt(self, number: int, frame: Any) -> None:
        if self._busy:  # an interrupt may come just after the work was done
            raise KeyboardInterrupt

    def _reply(self, answer: Any) -> None:
        """Send an answer whole, whatever interrupts; what cannot be sent is said so."""
        if os.getpid() != self._pid:
            os._exit(0)  # a cell has forked: one voice is enough
        with _undisturbed():
            try:
                frame = self._wire.encode(answer)
            except (WireError, RecursionError, MemoryError) as error:
                frame = self._wire.encode({"unsaid": f"{error}"[:1000]})
            with contextlib.suppress(Closed):
                send(self._socket, frame)

    def _answer(self, request: dict[str, Any]) -> dict[str, Any]:
        kind = request.pop("do")
        handlers: dict[str, Callable[..., dict[str, Any]]] = {
            "cell": self._run_cell,
            "files": self._write_files,
            "names": self._give_names,
            "call": self._call,
            "globals": self._list_globals,
            "get": self._get_global,
            "set": self._set_globals,
        }
        return handlers[kind](**request)

    # Functions and names

    def _export(self, function: Any) -> tuple[str, int, str, str]:
        if isinstance(function, _Lent):
            return ("judge", function.number, "", "")
        number = self._numbers.get(id(function))
        if number is None:
            number = len(self._functions) + 1
            self._functions[number] = function  # kept, so that its id is not given to another
            self._numbers[id(function)] = number
        name, module = getattr(function, "__name__", ""), getattr(function, "__module__", "")
        return ("student", number, str(name)[:100], str(module)[:100])

    def _resolve(self, owner: str, number: int, name: str, module: str) -> Any:
        if owner == "student":
            return self._functions[number]
        return self._lent.setdefault(number, _Lent(self, number, name))

    def _write_files(self, files: dict[str, bytes]) -> dict[str, Any]:
        for name, content in files.items():
            path = Path(name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return {}

    def _give_names(self, names: list[str]) -> dict[str, Any]:
        space = self._shell.user_ns
        found = {}
        for name in names:
            if name in space:
                value = space[name]
                try:
                    self._wire.encode(value)
                except Exception:
                    value = object()
                found[name] = value
        return {"names": found}

    def _globals_of(self, function: Any) -> dict[str, Any]:
        """Return the names a plain function sees, as `lstm_ref.checks` finds them."""
        for _ in range(100):
            if hasattr(function, "__wrapped__"):
                function = function.__wrapped__
            elif hasattr(function, "func"):
                function = function.func
            else:
                break
        names = getattr(function, "__globals__", {})
        return names if isinstance(names, dict) else {}

    def _list_globals(self, function: Any) -> dict[str, Any]:
        names = self._globals_of(function)
        return {"names": [n for n in names if type(n) is str and n[:1] != "_"][:10_000]}

    def _get_global(self, function: Any, name: str) -> dict[str, Any]:
        return {"value": self._globals_of(function).get(name)}

    def _set_globals(self, function: Any, names: dict[str, Any]) -> dict[str, Any]:
        self._globals_of(function).update(names)
        return {}

    # Calls

    def _call(
        self,
        function: Any,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        seconds: float,
        echo: bool,
        drawing: str,
        times: int,
    ) -> dict[str, Any]:
        """Call a function under watch; see `lstm_ref.checks.calling.call`."""
        from lstm_ref.checks import artists
        from lstm_ref.checks.calling import TimeLimit, call
        from lstm_ref.checks.exercise import Case

        adapted = artists.drawn_by(getattr(artists, drawing))(function) if drawing else function
        if times >= 0:
            adapted = _repeated(function, times)
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            outcome = call(adapted, Case(args, kwargs), seconds, echo, own=function)
        error = outcome.error
        answer = {
            "result": outcome.result,
            "args": outcome.args,
            "kwargs": outcome.kwargs,
            "error": None if error is None else describe_error(error),
            "late": isinstance(error, TimeLimit),
            "refused": isinstance(error, Refused),
            "where": outcome.where[:1000],
            "warned": [text[:1000] for text in outcome.warned[:20]],
            "printed": outcome.printed,
            "used": sorted(outcome.used)[:100],
            "said": printed.getvalue()[:SHOWN],
            "shares": _shares(outcome.result, (outcome.args, outcome.kwargs)),
        }
        return answer

    def _ask_reference(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return self._ask({"ask": "reference", "name": name, "args": args, "kwargs": kwargs})

    def ask_lent(self, number: int, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Have the judge call a function that it lent."""
        return self._ask({"ask": "lent", "number": number, "args": args, "kwargs": kwargs})

    def _ask(self, question: dict[str, Any]) -> Any:
        frame = self._wire.encode(question)
        with _undisturbed():
            send(self._socket, frame)
            answer = self._wire.decode(receive(self._socket))
        if answer["error"] is not None:
            raise rebuilt_error(answer["error"])
        return answer["result"]

    # Cells

    def _run_cell(self, source: str) -> dict[str, Any]:
        shell, outputs = self._shell, _Outputs()
        shell._showtraceback = outputs.error
        shell.display_pub = outputs
        hook = shell.displayhook
        hook.write_output_prompt = lambda: None
        hook.write_format_data = lambda data, metadata=None: outputs.result(data)
        with (
            contextlib.redirect_stdout(_Stream(outputs, "stdout")),
            contextlib.redirect_stderr(_Stream(outputs, "stderr")),
        ):
            done = shell.run_cell(source, store_history=True)
        error = done.error_before_exec or done.error_in_exec
        if isinstance(error, KeyboardInterrupt):
            raise KeyboardInterrupt
        if error is not None and not any(said["kind"] == "error" for said in outputs.listed):
            outputs.error(type(error), error, [])  # there was no room left to show it
        return {"outputs": outputs.listed}


class _Lent:
    """A function of the judge's, to be called from here."""

    def __init__(self, student: Student, number: int, name: str) -> None:
        self.number = number
        self.__name__ = self.__qualname__ = name
        self._student = student

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._student.ask_lent(self.number, args, kwargs)

    def __deepcopy__(self, memo: Any) -> "_Lent":
        return self


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """Put off interrupts and time limits: a message cut in two would be the end."""
    signals = {signal.SIGINT, signal.SIGALRM}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class _Outputs:
    """Collects what a cell shows, in order, up to a limit; stands in for IPython's publisher."""

    is_publishing = False

    def __init__(self) -> None:
        self.listed: list[dict[str, Any]] = []
        self._size = 0

    def _add(self, output: dict[str, Any], size: int) -> None:
        self._size += size
        if self._size <= OUTPUT or output["kind"] == "error":
            self.listed.append(output)

    def stream(self, name: str, text: str) -> None:
        text = text[: max(0, OUTPUT - self._size)]
        last = self.listed[-1] if self.listed else None
        if last is not None and last["kind"] == "stream" and last["name"] == name:
            self._size += len(text)
            last["text"] += text
        elif text:
            self._add({"kind": "stream", "name": name, "text": text}, len(text))

    def error(self, kind: Any, value: Any, lines: list[str]) -> None:
        text = _text(value)
        lines = [line[:20_000] for line in lines[:200]]
        name = getattr(kind, "__name__", "Error")
        self._add({"kind": "error", "name": name[:100], "text": text, "lines": lines}, 0)

    def result(self, data: dict[str, Any]) -> None:
        self._shown("result", data)

    def publish(self, data: dict[str, Any], *args: Any, **kwargs: Any) -> None:
        """Take what `display` shows."""
        self._shown("display", data)

    def clear_output(self, wait: bool = False) -> None:
        """Forget what was shown."""
        self.listed.clear()

    def _shown(self, kind: str, data: dict[str, Any]) -> None:
        kept = {k: v for k, v in data.items() if k in ("text/plain", "image/png")}
        kept = {k: v for k, v in kept.items() if isinstance(v, str)}
        self._add({"kind": kind, "data": kept}, sum(map(len, kept.values())))


class _Stream(io.TextIOBase):
    def __init__(self, outputs: _Outputs, name: str) -> None:
        self._outputs = outputs
        self._name = name

    def write(self, text: str) -> int:
        self._outputs.stream(self._name, str(text))
        return len(text)


def _text(value: Any) -> str:
    """Return what an exception says; its own ``__str__`` may fail."""
    try:
        return str(value)[:20_000]
    except Exception:
        return ""


def _repeated(function: Callable[..., Any], times: int) -> Callable[..., list[Any]]:
    return lambda *args, **kwargs: [function(*args, **kwargs) for _ in range(times)]


def _shares(result: Any, inputs: Any) -> bool:
    from lstm_ref.checks.compare import arrays_in

    given = arrays_in(inputs)
    return any(np.may_share_memory(a, b) for a in arrays_in(result) for b in given)


def describe_error(error: BaseException) -> dict[str, Any]:
    """Describe an exception as data: its type's name, its arguments, and what it says."""
    simple = (str, int, float, type(None))
    args = tuple(a[:20_000] if isinstance(a, str) else a for a in error.args)
    if len(args) > 5 or not all(isinstance(a, simple) for a in args):
        args = ()
    return {"type": type(error).__name__[:100], "args": args, "text": _text(error)}


def rebuilt_error(told: dict[str, Any]) -> BaseException:
    """Make the exception that the judge describes."""
    if told["type"] == "Refused":
        return Refused(told["text"])
    kind = getattr(builtins, told["type"], RuntimeError)
    if not (isinstance(kind, type) and issubclass(kind, Exception)):
        kind = RuntimeError
    try:
        return kind(*told["args"])
    except TypeError:
        return RuntimeError(told["text"])
