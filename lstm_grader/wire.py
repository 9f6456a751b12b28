"""Messages between the judge and a student's process: plain data, checked piece by piece.

A message is a dict. It goes over a socket as one frame: a mark, two lengths, a JSON text, and the
bytes of its arrays one after the other. What can be said is a short list (see `Wire.encode`);
nothing in it names code, so reading a message runs none, whoever wrote it. A function travels as a
number that its owner knows it by. What is not on the list travels as the name of its type alone.

Both ends use this module. The end that judges believes nothing: a frame that is too long, cut off,
or different in any way from what `Wire.encode` writes raises `WireError`.
"""

import json
import math
import re
import select
import socket
import struct
import time
from collections import namedtuple
from collections.abc import Callable
from typing import Any

import numpy as np

from lstm_ref import params

__all__ = ["MAX_BYTES", "Closed", "Late", "Opaque", "Wire", "WireError", "receive", "send"]

MAX_BYTES = 64_000_000  # of one frame
MAX_NODES = 200_000  # values in one message, containers and their items
MAX_DEPTH = 40
MAX_TEXT = 2_000_000  # characters of one string
MAX_BITS = 4096  # of one whole number
_MARK = b"LSTM"
_HEAD = struct.Struct(">4sII")
_DTYPE = re.compile(r"[<>|=](?:b1|[iu][1248]|f(?:2|4|8|16)|c(?:8|16|32))")
_NAME = re.compile(r"[^\W\d]\w{0,63}")
_CONTRACT = {
    name: getattr(params, name)
    for name in params.__all__
    if hasattr(getattr(params, name), "_fields")
}


class WireError(Exception):
    """A message that cannot be written, or that nobody honest has written."""


class Closed(Exception):
    """The other end is gone."""


class Late(Exception):
    """No whole message came in time."""


class Opaque:
    """Stands for a value that is not sent; its class has the name of the value's type."""


def _opaque(name: str) -> Any:
    return type(name, (Opaque,), {})()


class Wire:
    """Writes and reads messages.

    Parameters
    ----------
    export : callable
        Takes a function of this end; returns what it is known by: ``(owner, number, name,
        module)``. Owner is ``"judge"`` or ``"student"``.
    resolve : callable
        Takes those four; returns the function, or what stands for it at this end. Raises
        `WireError` for a function that was never sent.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_grader.wire import Wire
    >>> def none(*args):
    ...     raise AssertionError
    >>> wire = Wire(none, none)
    >>> wire.decode(wire.encode({"x": (1, np.arange(3.0))}))
    {'x': (1, array([0., 1., 2.]))}
    """

    def __init__(
        self,
        export: Callable[[Any], tuple[str, int, str, str]],
        resolve: Callable[[str, int, str, str], Any],
    ) -> None:
        self._export = export
        self._resolve = resolve

    def encode(self, message: Any) -> bytes:
        """Write a message as one frame.

        None, bool, int, float, complex, str, bytes; list, tuple, dict; numeric and boolean arrays
        and NumPy scalars; the course's named tuples and foreign ones; a `Generator`'s state;
        functions. Everything else as the name of its type.

        Raises
        ------
        WireError
            If it is too large, or nested too deeply.
        """
        blobs: list[bytes] = []
        budget = [MAX_NODES, MAX_BYTES]
        tree = self._write(message, blobs, budget, 0)
        text = json.dumps(tree, separators=(",", ":")).encode()
        body = b"".join(blobs)
        if len(text) + len(body) > MAX_BYTES:
            raise WireError(f"a message of {len(text) + len(body)} bytes, {MAX_BYTES} are allowed")
        return _HEAD.pack(_MARK, len(text), len(body)) + text + body

    def _write(self, value: Any, blobs: list[bytes], budget: list[int], depth: int) -> Any:
        budget[0] -= 1
        if budget[0] < 0 or depth > MAX_DEPTH:
            raise WireError(f"more than {MAX_NODES} values, or nested deeper than {MAX_DEPTH}")
        kind = type(value)
        if value is None or kind in (bool, float):
            return value
        if kind is int:
            return value if abs(value) < 1 << 53 else _long(value)
        if kind is str:
            if len(value) > MAX_TEXT:
                raise WireError(f"a text of {len(value)} characters, {MAX_TEXT} are allowed")
            return value
        written = self._write_numbers(value, blobs, budget)
        if written is not None:
            return written

        def inner(item: Any) -> Any:
            return self._write(item, blobs, budget, depth + 1)

        if isinstance(value, tuple):
            return [*_tuple_head(value), *map(inner, value)]
        if isinstance(value, list):
            return ["l", *map(inner, value)]
        if isinstance(value, dict):
            return ["d", *([inner(k), inner(v)] for k, v in value.items())]
        if isinstance(value, np.random.Generator):
            state = value.bit_generator.state
            return ["r", inner(_plain_state(state))]
        if callable(value):
            return ["f", *self._export(value)]
        return ["o", _name(type(value).__name__)]

    def _write_numbers(self, value: Any, blobs: list[bytes], budget: list[int]) -> Any:
        """Write what goes into the frame's second part, and numbers of other classes."""
        if isinstance(value, np.ndarray):
            plain = np.array(value, subok=False)
            if not _DTYPE.fullmatch(plain.dtype.str):
                return ["A", plain.dtype.str[:16], list(plain.shape)]
            return ["a", plain.dtype.str, list(plain.shape), _keep(plain.tobytes(), blobs, budget)]
        if isinstance(value, np.generic) and _DTYPE.fullmatch(value.dtype.str):
            return ["s", value.dtype.str, _keep(value.tobytes(), blobs, budget)]
        if isinstance(value, bytes):
            return ["b", _keep(bytes(value), blobs, budget)]
        if isinstance(value, str):
            return str.__str__(value)[:MAX_TEXT]
        if isinstance(value, int):
            return _long(int.__index__(value))
        if isinstance(value, float):
            return float.__float__(value)
        if isinstance(value, complex):
            return ["c", value.real, value.imag]
        return None

    def decode(self, frame: bytes) -> Any:
        """Read one whole frame.

        Raises
        ------
        WireError
            With what is wrong with it.
        """
        if len(frame) < _HEAD.size:
            raise WireError(f"a frame of {len(frame)} bytes, at least {_HEAD.size} were expected")
        mark, text_size, body_size = _HEAD.unpack_from(frame)
        _check_head(mark, text_size, body_size)
        if len(frame) != _HEAD.size + text_size + body_size:
            raise WireError(f"a frame cut off or too long: {len(frame)} bytes")
        text = frame[_HEAD.size : _HEAD.size + text_size]
        try:
            tree = json.loads(text.decode("utf-8"))
        except (ValueError, RecursionError) as error:
            raise WireError(f"a frame without JSON: {type(error).__name__}") from None
        reader = _Reader(memoryview(frame)[_HEAD.size + text_size :], self._resolve)
        value = reader.value(tree, 0)
        if reader.left:
            raise WireError(f"{len(reader.left)} bytes that belong to no array")
        return value


def _long(value: int) -> Any:
    if value.bit_length() > MAX_BITS:
        return ["o", "int"]
    return value if abs(value) < 1 << 53 else ["i", format(value, "x")]


def _keep(data: bytes, blobs: list[bytes], budget: list[int]) -> int:
    budget[1] -= len(data)
    if budget[1] < 0:
        raise WireError(f"arrays of more than {MAX_BYTES} bytes in one message")
    blobs.append(data)
    return len(data)


def _name(text: str) -> str:
    return text if _NAME.fullmatch(text) else "object"


def _tuple_head(value: Any) -> list[Any]:
    fields = getattr(value, "_fields", None)
    name = type(value).__name__
    if type(value) is tuple or not isinstance(fields, tuple) or len(fields) != len(value):
        return ["t"]
    if _CONTRACT.get(name) is type(value):
        return ["n", name]
    if all(isinstance(f, str) and _NAME.fullmatch(f) and f[0] != "_" for f in fields):
        return ["N", _name(name), list(fields)]
    return ["t"]


def _plain_state(state: Any) -> Any:
    if isinstance(state, dict):
        return {key: _plain_state(value) for key, value in state.items()}
    return state


class _Reader:
    """Reads the values of one frame, and takes nothing on trust."""

    def __init__(self, left: memoryview, resolve: Callable[[str, int, str, str], Any]) -> None:
        self.left = left
        self.nodes = 0
        self._resolve = resolve

    def value(self, tree: Any, depth: int) -> Any:
        self.nodes += 1
        if self.nodes > MAX_NODES or depth > MAX_DEPTH:
            raise WireError(f"more than {MAX_NODES} values, or nested deeper than {MAX_DEPTH}")
        if tree is None or isinstance(tree, (bool, float)):
            return tree
        if isinstance(tree, int):
            _expect(tree.bit_length() <= 53, "a whole number out of range")
            return tree
        if isinstance(tree, str):
            _expect(len(tree) <= MAX_TEXT, "a text that is too long")
            return tree.encode("utf-8", "replace").decode()  # JSON can hold halves of characters
        _expect(isinstance(tree, list) and tree and isinstance(tree[0], str), "an untagged value")
        read = _READ.get(tree[0])
        if read is None:
            raise WireError(f"a value of unknown kind {tree[0][:8]!r}")
        return read(self, tree[1:], depth + 1)

    def take(self, size: Any) -> bytes:
        _expect(_is_count(size) and size <= len(self.left), "an array longer than its bytes")
        data, self.left = bytes(self.left[:size]), self.left[size:]
        return data

    def items(self, parts: list[Any], depth: int) -> list[Any]:
        return [self.value(part, depth) for part in parts]

    def read_array(self, parts: list[Any], depth: int) -> Any:
        _expect(len(parts) == 3, "an array described wrongly")
        dtype, shape = _dtype(parts[0]), _shape(parts[1])
        _expect(math.prod(shape) * dtype.itemsize == parts[2], "a shape unlike its bytes")
        data = bytearray(self.take(parts[2]))
        return np.frombuffer(data, dtype=dtype).reshape(shape)

    def read_scalar(self, parts: list[Any], depth: int) -> Any:
        _expect(len(parts) == 2, "a number described wrongly")
        dtype = _dtype(parts[0])
        _expect(parts[1] == dtype.itemsize, "a number of the wrong size")
        return np.frombuffer(self.take(parts[1]), dtype=dtype)[0]

    def read_other_array(self, parts: list[Any], depth: int) -> Any:
        """Make an array of the same kind without its values."""
        _expect(len(parts) == 2 and isinstance(parts[0], str), "an array described wrongly")
        shape = _shape(parts[1])
        _expect(math.prod(shape) <= MAX_NODES, "an array that is too large")
        known = re.fullmatch(r"[<>|](?:[SU]\d{1,3}|[mM]8(?:\[\w{1,2}\])?)", parts[0])
        return np.zeros(shape, dtype=parts[0] if known else object)

    def read_bytes(self, parts: list[Any], depth: int) -> bytes:
        _expect(len(parts) == 1, "bytes described wrongly")
        return self.take(parts[0])

    def read_complex(self, parts: list[Any], depth: int) -> Any:
        ok = len(parts) == 2 and all(type(part) in (int, float) for part in parts)
        _expect(ok, "a complex number described wrongly")
        return complex(*parts)

    def read_long(self, parts: list[Any], depth: int) -> int:
        ok = len(parts) == 1 and isinstance(parts[0], str)
        _expect(ok and re.fullmatch(r"-?[0-9a-f]{1,1025}", parts[0]), "a damaged whole number")
        return int(parts[0], 16)

    def read_list(self, parts: list[Any], depth: int) -> Any:
        return self.items(parts, depth)

    def read_tuple(self, parts: list[Any], depth: int) -> Any:
        return tuple(self.items(parts, depth))

    def read_contract(self, parts: list[Any], depth: int) -> Any:
        kind = _CONTRACT.get(parts[0]) if parts and isinstance(parts[0], str) else None
        if kind is None or len(parts) - 1 != len(kind._fields):
            raise WireError("a named tuple of the course with other fields")
        return kind(*self.items(parts[1:], depth))

    def read_named(self, parts: list[Any], depth: int) -> Any:
        _expect(len(parts) >= 2 and isinstance(parts[1], list), "a named tuple without names")
        name, fields = parts[0], parts[1]
        texts = [name, *fields]
        ok = all(isinstance(t, str) and _NAME.fullmatch(t) and t[0] != "_" for t in texts)
        _expect(ok and len(fields) == len(parts) - 2, "a named tuple with other fields")
        try:
            kind = namedtuple(name, fields)  # type: ignore[misc]
        except ValueError:
            raise WireError("a named tuple with impossible names") from None
        return kind(*self.items(parts[2:], depth))

    def read_dict(self, parts: list[Any], depth: int) -> Any:
        found: dict[Any, Any] = {}
        for part in parts:
            _expect(isinstance(part, list) and len(part) == 2, "a dict described wrongly")
            key, value = self.items(part, depth)
            try:
                _expect(key not in found, "a key that comes twice")
            except TypeError:
                raise WireError("a key that cannot be one") from None
            found[key] = value
        return found

    def read_generator(self, parts: list[Any], depth: int) -> Any:
        _expect(len(parts) == 1, "a generator described wrongly")
        return _generator(self.value(parts[0], depth))

    def read_function(self, parts: list[Any], depth: int) -> Any:
        ok = (
            len(parts) == 4
            and parts[0] in ("judge", "student")
            and _is_count(parts[1])
            and all(isinstance(text, str) and len(text) <= 200 for text in parts[2:])
        )
        _expect(ok, "a function described wrongly")
        return self._resolve(*parts)

    def read_opaque(self, parts: list[Any], depth: int) -> Any:
        ok = len(parts) == 1 and isinstance(parts[0], str) and _NAME.fullmatch(parts[0])
        _expect(ok, "a type without a name")
        return _opaque(parts[0])


_READ: dict[str, Callable[[_Reader, list[Any], int], Any]] = {
    "a": _Reader.read_array,
    "A": _Reader.read_other_array,
    "s": _Reader.read_scalar,
    "b": _Reader.read_bytes,
    "c": _Reader.read_complex,
    "i": _Reader.read_long,
    "l": _Reader.read_list,
    "t": _Reader.read_tuple,
    "n": _Reader.read_contract,
    "N": _Reader.read_named,
    "d": _Reader.read_dict,
    "r": _Reader.read_generator,
    "f": _Reader.read_function,
    "o": _Reader.read_opaque,
}


def _expect(condition: Any, otherwise: str) -> None:
    if not condition:
        raise WireError(otherwise)


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value < 1 << 53


def _dtype(text: Any) -> np.dtype[Any]:
    _expect(isinstance(text, str) and _DTYPE.fullmatch(text), "an array that is not of numbers")
    try:
        dtype: np.dtype[Any] = np.dtype(text)
        return dtype
    except TypeError:
        raise WireError(f"an array of {text}, unknown on this machine") from None


def _shape(shape: Any) -> list[int]:
    _expect(isinstance(shape, list) and len(shape) <= 32, "an array without a shape")
    _expect(all(_is_count(size) for size in shape), "an impossible shape")
    return list(shape)


def _bounded(value: Any, bits: int) -> bool:
    return type(value) is int and 0 <= value < 1 << bits


def _words(value: Any, dtype: Any, count: int) -> bool:
    return isinstance(value, np.ndarray) and value.dtype == dtype and value.shape == (count,)


_STATES: dict[str, Callable[[dict[str, Any], dict[str, Any]], bool]] = {
    "PCG64": lambda s, _: set(s) == {"state", "inc"} and all(_bounded(v, 128) for v in s.values()),
    "SFC64": lambda s, _: set(s) == {"state"} and _words(s["state"], np.uint64, 4),
    "Philox": lambda s, whole: (
        set(s) == {"counter", "key"}
        and _words(s["counter"], np.uint64, 4)
        and _words(s["key"], np.uint64, 2)
        and _words(whole.get("buffer"), np.uint64, 4)
        and whole.get("buffer_pos") in range(5)
    ),
    "MT19937": lambda s, _: (
        set(s) == {"key", "pos"}
        and _words(s["key"], np.uint32, 624)
        and type(s["pos"]) is int
        and s["pos"] in range(625)
    ),
}
_STATES["PCG64DXSM"] = _STATES["PCG64"]


def _generator(whole: Any) -> np.random.Generator:
    """Make a generator in a given state; NumPy itself trusts what a state says."""
    _expect(isinstance(whole, dict), "a generator without a state")
    name, state = whole.get("bit_generator"), whole.get("state")
    check = _STATES.get(name) if isinstance(name, str) else None
    _expect(check is not None and isinstance(state, dict), "a generator of an unknown kind")
    assert check is not None
    half = whole.get("has_uint32", 0) in (0, 1) and _bounded(whole.get("uinteger", 0), 32)
    allowed = {"bit_generator", "state", "has_uint32", "uinteger", "buffer", "buffer_pos"}
    _expect(half and set(whole) <= allowed and check(state, whole), "a generator's damaged state")
    bits = getattr(np.random, name)()
    bits.state = whole
    return np.random.Generator(bits)


def _check_head(mark: bytes, text_size: int, body_size: int) -> None:
    _expect(mark == _MARK, "a frame without its mark")
    _expect(text_size + body_size <= MAX_BYTES, f"a frame of {text_size + body_size} bytes")


def send(sock: socket.socket, frame: bytes, deadline: float = math.inf) -> None:
    """Send a whole frame.

    Raises
    ------
    Closed
        If nobody is there any more.
    Late
        If the other end does not take it by `deadline` (of `time.monotonic`).
    """
    left = memoryview(frame)
    while left:
        _wait(sock, deadline, writing=True)
        try:
            left = left[sock.send(left, socket.MSG_DONTWAIT) :]
        except BlockingIOError:
            continue
        except OSError as error:
            raise Closed(str(error)) from None


def receive(sock: socket.socket, deadline: float = math.inf) -> bytes:
    """Receive a whole frame; see `send` for what it raises, and `WireError` for a wrong head."""
    head = _receive(sock, _HEAD.size, deadline)
    mark, text_size, body_size = _HEAD.unpack(head)
    _check_head(mark, text_size, body_size)
    return head + _receive(sock, text_size + body_size, deadline)


def _receive(sock: socket.socket, size: int, deadline: float) -> bytes:
    data = bytearray()
    while len(data) < size:
        _wait(sock, deadline, writing=False)
        try:
            part = sock.recv(min(size - len(data), 1 << 20), socket.MSG_DONTWAIT)
        except BlockingIOError:
            continue
        except OSError as error:
            raise Closed(str(error)) from None
        if not part:
            raise Closed("the other end closed the connection")
        data += part
    return bytes(data)


def _wait(sock: socket.socket, deadline: float, writing: bool) -> None:
    """Wait in slices, so that a limit set from outside can take effect between two."""
    while True:
        left = deadline - time.monotonic()
        if left <= 0:
            raise Late("no whole message came in time")
        asked = ([], [sock]) if writing else ([sock], [])
        if any(select.select(*asked, [], min(left, 0.1))):
            return
