"""The wire between judge and student: what is said arrives, and nothing else can be said."""

import json
import math
import pickle
import socket
import struct
import threading
import time
from collections import namedtuple
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from lstm_grader import wire
from lstm_grader.wire import Closed, Late, Opaque, Wire, WireError, receive, send
from lstm_ref import GRUParams, LSTMCache, LSTMParams

KNOWN = {7: math.sin}


def resolve(owner: str, number: int, name: str, module: str) -> Any:
    if owner != "judge" or number not in KNOWN:
        raise WireError("a function that was never sent")
    return KNOWN[number]


PLAIN = Wire(lambda f: ("judge", 7, f.__name__, ""), resolve)


def round_trip(value: Any) -> Any:
    return PLAIN.decode(PLAIN.encode(value))


def same(a: Any, b: Any) -> bool:
    """Tell whether two values are equal to the bit, types and containers included."""
    if type(a) is not type(b):
        return False
    if isinstance(a, np.ndarray | np.generic):
        return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[k], b[k]) for k in a)
    if isinstance(a, float):
        return struct.pack("d", a) == struct.pack("d", b) or (a != a and b != b)
    return a == b


NUMERIC = (
    hnp.integer_dtypes(endianness="?")
    | hnp.unsigned_integer_dtypes(endianness="?")
    | hnp.floating_dtypes(endianness="?")
    | hnp.complex_number_dtypes(endianness="?", sizes=(64, 128))
    | hnp.boolean_dtypes()
)
ARRAYS = hnp.arrays(NUMERIC, hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=3))
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=-(1 << 4000), max_value=1 << 4000)
    | st.floats()
    | st.complex_numbers(allow_nan=False)
    | st.text()
    | st.binary(max_size=50)
    | ARRAYS
)
KEYS = st.text(max_size=5) | st.integers() | st.tuples(st.integers(), st.text(max_size=3))
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(KEYS, inner, max_size=4)
    ),
    max_leaves=12,
)


@given(VALUES)
def test_what_is_said_arrives_to_the_bit(value: Any) -> None:
    assert same(round_trip(value), value)


@pytest.mark.parametrize("scalar", [np.float32(0.1), np.int8(-3), np.bool_(True), np.float64(2)])
def test_numpys_scalars_stay_numpys(scalar: Any) -> None:
    assert same(round_trip(scalar), scalar)


def test_the_courses_named_tuples_keep_their_class_and_foreign_ones_their_names() -> None:
    params = LSTMParams(*(np.full(2, float(k)) for k in range(8)))
    assert type(round_trip(params)) is LSTMParams
    assert same(round_trip([params]), [params])
    assert type(round_trip(GRUParams(*range(6)))) is GRUParams
    pair = namedtuple("pair", "left right")(1, (2.0, None))
    arrived = round_trip(pair)
    assert (type(arrived).__name__, arrived._fields) == ("pair", ("left", "right"))
    assert tuple(arrived) == (1, (2.0, None))


def test_a_tuple_that_claims_a_name_of_the_course_is_not_one() -> None:
    fake = namedtuple("LSTMCache", "x")(1)
    assert not isinstance(round_trip(fake), LSTMCache)


@pytest.mark.parametrize("kind", ["PCG64", "PCG64DXSM", "MT19937", "Philox", "SFC64"])
def test_a_generator_goes_on_where_it_was(kind: str) -> None:
    rng = np.random.Generator(getattr(np.random, kind)(5))
    rng.random(7)
    rng.integers(0, 9, 3, dtype=np.int32)  # leaves half a draw behind
    assert same(round_trip(rng).normal(size=9), rng.normal(size=9))


def test_a_function_travels_as_a_number() -> None:
    assert round_trip({"f": math.sin})["f"] is math.sin
    assert b"sin" in PLAIN.encode(math.sin)


def test_what_cannot_be_said_keeps_the_name_of_its_type_alone() -> None:
    class Secret:
        def __reduce__(self) -> Any:
            return print, ("ran",)

    for value, name in [(Secret(), "Secret"), ({1}, "set"), (object(), "object")]:
        arrived = round_trip(value)
        assert isinstance(arrived, Opaque)
        assert type(arrived).__name__ == name
    words = round_trip(np.array(["a", "bc"]))
    assert (words.dtype.str, words.shape) == ("<U2", (2,))
    assert round_trip(np.array([{}, 1])).dtype == object


class Loud(np.ndarray[Any, Any]):
    """An array that does other things than arrays do."""

    def __array_function__(self, *args: Any, **kwargs: Any) -> Any:
        raise AssertionError

    def __array_ufunc__(self, *args: Any, **kwargs: Any) -> Any:
        raise AssertionError


def test_an_array_of_a_class_of_its_own_arrives_as_a_plain_one() -> None:
    arrived = round_trip(np.arange(3.0).view(Loud))
    assert type(arrived) is np.ndarray
    assert arrived.tolist() == [0, 1, 2]


def test_what_is_too_large_or_too_deep_is_not_written() -> None:
    deep: Any = []
    for _ in range(60):
        deep = [deep]
    circle: list[Any] = []
    circle.append(circle)
    large = np.broadcast_to(0.0, (wire.MAX_BYTES // 8 + 1,))
    for value in (deep, circle, large, [0] * (wire.MAX_NODES + 1), "x" * (wire.MAX_TEXT + 1)):
        with pytest.raises(WireError):
            PLAIN.encode(value)


def frame(tree: Any, body: bytes = b"", text: bytes | None = None) -> bytes:
    """Forge a frame."""
    text = json.dumps(tree).encode() if text is None else text
    return struct.pack(">4sII", b"LSTM", len(text), len(body)) + text + body


STATE = {"state": 1, "inc": 1}
FORGED = {
    "an unknown tag": frame(["q", 1]),
    "a tag that is no text": frame([1, 2]),
    "an empty list": frame([]),
    "a bare object": frame({"a": 1}),
    "an array of objects": frame(["a", "|O", [1], 8], b"12345678"),
    "an array of void": frame(["a", "|V8", [1], 8], b"12345678"),
    "a shape larger than its bytes": frame(["a", "<f8", [2], 8], b"12345678"),
    "a shape that overflows": frame(["a", "<f8", [2**52, 2**52], 8], b"12345678"),
    "a negative shape": frame(["a", "<f8", [-1], 8], b"12345678"),
    "a shape of floats": frame(["a", "<f8", [1.0], 8], b"12345678"),
    "a shape of booleans": frame(["a", "<f8", [True], 8], b"12345678"),
    "forty axes": frame(["a", "<f8", [1] * 40, 8], b"12345678"),
    "bytes that are missing": frame(["a", "<f8", [1], 8], b"1234"),
    "bytes too many": frame(["a", "<f8", [1], 8], b"123456789"),
    "bytes of negative length": frame(["b", -1]),
    "a dtype with a field": frame(["a", "f8,f8", [1], 16], bytes(16)),
    "a huge empty array of text": frame(["A", "<U999", [10**9]]),
    "a course tuple too short": frame(["n", "LSTMParams", 1, 2]),
    "a course tuple unknown": frame(["n", "Exception", 1]),
    "a course tuple named by a number": frame(["n", 1, 1]),
    "a field called __class__": frame(["N", "a", ["__class__"], 1]),
    "a field called def": frame(["N", "a", ["def"], 1]),
    "a field twice": frame(["N", "a", ["x", "x"], 1, 2]),
    "fields that are no list": frame(["N", "a", "xy", 1, 2]),
    "a dict with half a pair": frame(["d", ["a"]]),
    "a dict with a list for a key": frame(["d", [["l"], 1]]),
    "a dict with a key twice": frame(["d", ["a", 1], ["a", 2]]),
    "an integer beyond all limits": frame(["i", "f" * 2000]),
    "an integer that is none": frame(["i", "0x1f"]),
    "an integer of many digits": frame(None, text=b"9" * 6000),
    "a function never sent": frame(["f", "judge", 8, "", ""]),
    "a function of the other end": frame(["f", "student", 7, "", ""]),
    "a function of nobody": frame(["f", "root", 7, "", ""]),
    "a function numbered by a text": frame(["f", "judge", "7", "", ""]),
    "a generator of no kind": frame(["r", ["d", ["bit_generator", "eval"], ["state", ["d"]]]]),
    "a generator without state": frame(["r", 5]),
    "a type with code for a name": frame(["o", "a:1"]),
    "no JSON": frame(None, text=b"{"),
    "no UTF-8": frame(None, text=b'"\xff"'),
    "a pickle": frame(None, text=pickle.dumps(print)),
    "too deep for the parser": frame(None, text=b"[" * 100_000 + b"]" * 100_000),
    "too deep for the reader": frame(None, text=b'["l",' * 60 + b"1" + b"]" * 60),
    "too many values": frame(["l", *[0] * (wire.MAX_NODES + 1)]),
    "a text that is too long": frame("x" * (wire.MAX_TEXT + 1)),
    "another mark": b"HTTP" + frame(1)[4:],
    "a frame cut off": frame([1, 2, 3])[:-1],
    "half a head": frame(1)[:6],
    "nothing": b"",
}


@pytest.mark.parametrize("what", list(FORGED))
def test_a_forged_frame_is_refused(what: str) -> None:
    with pytest.raises(WireError):
        PLAIN.decode(FORGED[what])


@pytest.mark.parametrize(
    "state",
    [
        {"bit_generator": "PCG64", "state": {**STATE, "state": -1}},
        {"bit_generator": "PCG64", "state": {**STATE, "more": 1}},
        {"bit_generator": "PCG64", "state": STATE, "has_uint32": 2},
        {"bit_generator": "PCG64", "state": STATE, "uinteger": 1 << 40},
        {"bit_generator": "MT19937", "state": {"key": np.zeros(624, np.uint32), "pos": 10**6}},
        {"bit_generator": "MT19937", "state": {"key": np.zeros(624, np.uint32), "pos": -5}},
        {"bit_generator": "MT19937", "state": {"key": np.zeros(3, np.uint32), "pos": 1}},
        {"bit_generator": "SFC64", "state": {"state": np.zeros(4)}},
        {"bit_generator": "Philox", "state": {"counter": np.zeros(4, np.uint64)}},
    ],
)
def test_a_generator_in_an_impossible_state_is_refused(state: dict[str, Any]) -> None:
    said = PLAIN.encode(state)
    text_size = struct.unpack(">4sII", said[:12])[1]
    tree = json.loads(said[12 : 12 + text_size])
    with pytest.raises(WireError):
        PLAIN.decode(frame(["r", tree], said[12 + text_size :]))


@given(st.binary(max_size=300))
def test_garbage_is_refused(data: bytes) -> None:
    for said in (data, frame(None, text=data), frame(["a", "<f8", [1], 8], data)):
        try:
            PLAIN.decode(said)
        except WireError:
            pass


TREES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from("aAsbcitlnNdrfo<f8|O"),
    lambda inner: st.lists(inner, max_size=5),
    max_leaves=20,
)


@given(TREES, st.binary(max_size=20))
def test_whatever_json_says_is_a_value_or_refused(tree: Any, body: bytes) -> None:
    try:
        PLAIN.decode(frame(tree, body))
    except WireError:
        pass


@given(VALUES, st.integers(min_value=0, max_value=10**6), st.integers(0, 255))
def test_a_damaged_byte_is_a_value_or_refused(value: Any, place: int, byte: int) -> None:
    said = bytearray(PLAIN.encode(value))
    said[place % len(said)] = byte
    try:
        PLAIN.decode(bytes(said))
    except WireError:
        pass


def test_frames_go_through_a_socket_whole_and_in_order() -> None:
    here, there = socket.socketpair()
    values = [np.arange(1_000_000.0), "x", {"y": None}]
    with here, there:
        sender = threading.Thread(target=lambda: [send(here, PLAIN.encode(v)) for v in values])
        sender.start()
        arrived = [PLAIN.decode(receive(there)) for _ in values]
        sender.join()
    assert same(arrived, values)


def test_who_is_silent_is_late_and_who_hangs_up_is_gone() -> None:
    here, there = socket.socketpair()
    with here, there:
        start = time.monotonic()
        there.send(frame(1)[:5])
        with pytest.raises(Late):
            receive(here, time.monotonic() + 0.2)
        with pytest.raises(Late):  # nobody takes it
            send(here, PLAIN.encode(np.zeros(4_000_000)), time.monotonic() + 0.2)
        assert time.monotonic() - start < 2
        there.close()
        with pytest.raises(Closed):
            receive(here, time.monotonic() + 1)
        with pytest.raises(Closed):
            send(here, frame(1))


def test_a_frame_that_announces_too_much_is_refused_before_it_is_read() -> None:
    here, there = socket.socketpair()
    with here, there:
        there.send(struct.pack(">4sII", b"LSTM", 2**31, 2**31))
        with pytest.raises(WireError):
            receive(here, time.monotonic() + 1)
