"""Judged from outside the sandbox, every answer gets the points and the words of a kernel."""

import contextlib
import copy
import functools
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("nbgrader", reason="the grader needs the extra [grader]")


from lstm_grader.execution import KernelEngine, Limits
from lstm_grader.judge import run_here
from lstm_grader.masters import source_of
from lstm_grader.remote import bounded_memory
from lstm_ref.checks.calling import TimeLimit, limited
from tests.engines import Notebook, cell, right, verdicts, with_answers, write_known, wrong
from tests.sandboxes import sandbox_engine

EVERY = 1 if os.environ.get("LSTM_EVERY_ANSWER") else 4  # of the wrong ones


@pytest.fixture(scope="module")
def box() -> Iterator[Any]:
    with sandbox_engine() as engine:
        yield engine


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("files")
    write_known(folder)
    return folder


def run_in_this_process(notebook: Notebook) -> Notebook:
    """Run a notebook's cells one after the other, as a kernel would, in this process."""
    executed = copy.deepcopy(notebook)
    names: dict[str, Any] = {"__name__": "__main__"}
    for one in executed["cells"]:
        if one["cell_type"] == "code":
            one["outputs"] = run_here(source_of(one), names, 60)
    return executed


NOTEBOOKS = [*right(), *list(wrong())[::EVERY]]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "notebook"), NOTEBOOKS, ids=[name for name, _ in NOTEBOOKS])
def test_answers_are_judged_as_in_one_process(
    name: str, notebook: Notebook, box: Any, known: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(known))
    expected = verdicts(run_in_this_process(notebook))
    assert verdicts(box.execute(notebook, known)) == expected
    assert any(said != ("", "") for said in expected.values()) == ("mistake" in name)


@pytest.mark.slow
@pytest.mark.parametrize("number", [3, 20, 40, 71])
def test_answers_are_judged_as_in_a_kernel(number: int, box: Any, known: Path) -> None:
    name, notebook = [*right(), *wrong()][number]
    expected = verdicts(KernelEngine().execute(notebook, known))
    assert verdicts(box.execute(notebook, known)) == expected, name


RIGHT = "f * c_prev + i * candidate"
ODD = {
    "a list": f"return ({RIGHT}).tolist()",
    "None": "pass",
    "a text": "return 'f'",
    "a set": "return {1}",
    "a generator": "return (x for x in f)",
    "an object of its own": "class Thing: pass\n    return Thing()",
    "a module": "import math\n    return math",
    "a function": "return lambda: 1",
    "an array of objects": f"return ({RIGHT}).astype(object)",
    "an array of texts": f"return ({RIGHT}).astype(str)",
    "an array of dates": "return np.zeros(f.shape, 'M8[s]')",
    "complex numbers": f"return ({RIGHT}) + 0j",
    "a masked array": f"return np.ma.masked_array({RIGHT}, f > 0.5)",
    "an array of another class": f"class A(np.ndarray): pass\n    return ({RIGHT}).view(A)",
    "column order": f"return np.asfortranarray({RIGHT})",
    "another byte order": f"return ({RIGHT}).astype('>f8')",
    "single precision": f"return ({RIGHT}).astype(np.float32)",
    "a named tuple": "import collections\n    return collections.namedtuple('Both', 'a b')(f, i)",
    "a tuple": f"return ({RIGHT},)",
    "NaN": f"return ({RIGHT}) * np.nan",
    "a view": f"return ({RIGHT})[::1]",
    "an input": "return c_prev",
    "part of an input": "return c_prev[:]",
    "an input changed": f"f *= 1.0\n    c_prev += 1\n    c_prev -= 1\n    out = {RIGHT}\n"
    "    c_prev[:] = 0\n    return out",
    "an input reshaped": f"out = {RIGHT}\n    c_prev.shape = (-1,)\n    return out",
    "a warning": f"np.log(np.zeros(1))\n    return {RIGHT}",
    "a warning of its own": f"import warnings; warnings.warn('w')\n    return {RIGHT}",
    "much printing": f"print('x' * 2_000_000)\n    return {RIGHT}",
    "a little printing": f"print('x')\n    return {RIGHT}",
    "an error": "raise ValueError('a', 1)",
    "a key error": "return {}['x']",
    "an error with two lines": "raise RuntimeError('a\\nb')",
    "an error of its own": "class Mine(TypeError): pass\n    raise Mine('x')",
    "an error that cannot be shown": "class Mine(Exception):\n        def __str__(self): return '?'"
    "\n    raise Mine(object())",
    "a linear algebra error": "np.linalg.inv(np.zeros((2, 2)))",
    "a decoding error": "b'\\xff'.decode()",
    "unwritten": "raise NotImplementedError()",
    "an exit": "raise SystemExit(3)",
    "no end to recursion": "return update_cell(f, c_prev, i, candidate)",
    "a memory": "global n\n    n = globals().get('n', 0) + 1\n    return f * n",
    "another assertion": "assert f is c_prev, 'no'",
    "the reference": "import lstm_ref\n    return lstm_ref.update_cell(f, c_prev, i, candidate)",
    "the reference, tried": "import lstm_ref\n    try:\n        return lstm_ref.cells.update_cell"
    "(f, c_prev, i, candidate)\n    finally:\n        pass",
    "a neighbour": "return forget_gate(f, f, f, f)",
}
BOUND = {
    "a lambda": "update_cell = lambda f, c, i, g: f * c + i * g",
    "a class": "class update_cell:\n    def __new__(cls, f, c, i, g): return f * c + i * g",
    "an object that can be called": "class C:\n    def __call__(self, f, c, i, g):\n"
    "        return f * c + i * g\nupdate_cell = C()",
    "a partial function": "import functools\n"
    "update_cell = functools.partial(lambda k, f, c, i, g: f * c + i * g, 1)",
    "a wrapped function": "import functools\ndef step(f, c, i, g): return f * c + i * g\n"
    "@functools.wraps(step)\ndef update_cell(*a): return step(*a)",
    "a vectorised function": "update_cell = np.vectorize(lambda f, c, i, g: f * c + i * g)",
    "a ufunc": "update_cell = np.add",
    "an array": "update_cell = np.zeros(3)",
    "a number": "update_cell = 3",
    "nothing": "update_cel = 3",
    "the reference itself": "from lstm_ref import update_cell",
    "the reference by another name": "import lstm_ref as l\nupdate_cell = l.cells.update_cell",
    "half a cell": "def update_cell(f, c, i, g): return f * c + i * g\n1 / 0",
    "no Python": "def update_cell(f c): pass",
    "magic": "%time x = 1\ndef update_cell(f, c, i, g): return f * c + i * g",
}
SOURCES = {
    **{name: f"def update_cell(f, c_prev, i, candidate):\n    {s}\n" for name, s in ODD.items()},
    **BOUND,
}
# What a kernel does otherwise, and why: IPython is needed, or the source of a file.
IN_A_KERNEL = {"magic", "no end to recursion"}


@functools.cache
def odd_notebooks() -> dict[str, Notebook]:
    return {name: with_answers("03-equations", source) for name, source in SOURCES.items()}


@pytest.mark.parametrize("name", [name for name in SOURCES if name not in IN_A_KERNEL])
def test_odd_answers_are_judged_as_in_one_process(name: str, box: Any, tmp_path: Path) -> None:
    notebook = odd_notebooks()[name]
    expected = verdicts(run_in_this_process(notebook))
    got = verdicts(box.execute(notebook, tmp_path))
    for check in ("test_update_cell", "hidden_update_cell"):
        assert without_line(got[check]) == without_line(expected[check])


def without_line(said: tuple[str, str]) -> tuple[str, str]:
    """Take away the line of the cell: this process has no file to look it up in."""
    return said[0], "\n".join(line for line in said[1].splitlines() if "next:" not in line)


def test_ipythons_own_words_are_understood(box: Any, tmp_path: Path) -> None:
    got = verdicts(box.execute(odd_notebooks()["magic"], tmp_path))
    assert got["hidden_update_cell"] == ("", "")


def test_the_line_that_failed_is_shown(box: Any, tmp_path: Path) -> None:
    said = verdicts(box.execute(odd_notebooks()["a key error"], tmp_path))["test_update_cell"]
    assert "line 2 of the cell: return {}['x']" in said[1]


def test_what_is_lent_is_what_the_notebook_names(box: Any, tmp_path: Path) -> None:
    source = "print(sigmoid(0.0))\nimport lstm_ref\nlstm_ref.lstm_step(1, 2, 3, 4)"
    executed = box.execute(with_answers("03-equations", source), tmp_path)
    (own,) = [c for c in executed["cells"] if c["id"] == "own"]
    printed, error = own["outputs"]
    assert printed["text"] == "0.5\n"
    assert "lstm_ref.lstm_step is not there while work is graded" in error["evalue"]


def test_an_endless_call_costs_its_time_once_and_no_other_part_anything(tmp_path: Path) -> None:
    source = """
def update_cell(f, c_prev, i, candidate):
    while True:
        try:
            while True: pass
        except BaseException: pass
def count_parameters(input_size, hidden_size):
    while True: pass
def forget_gate(h, x, W_f, b_f):
    return sigmoid(np.concatenate([h, x], axis=1) @ W_f.T + b_f)
"""
    with sandbox_engine(Limits(cell=20.0)) as engine:
        start = time.monotonic()
        said = verdicts(engine.execute(with_answers("03-equations", source), tmp_path))
        assert time.monotonic() - start < 40
    assert "no answer within 5 seconds" in said["test_update_cell"][1]
    assert said["hidden_update_cell"][1]
    assert "no answer within 5 seconds" in said["test_count_parameters"][1]
    assert said["test_forget_gate"] == said["hidden_forget_gate"] == ("", "")


def test_files_beside_the_notebook_are_there_and_may_be_written_in_the_copy(
    box: Any, tmp_path: Path
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "numbers.txt").write_text("1 2 3")
    source = "print(open('data/numbers.txt').read()); open('data/numbers.txt', 'w').write('x')"
    notebook = {"cells": [cell(source)], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    for _ in range(2):  # nor does a second run see what the first wrote
        executed = box.execute(notebook, tmp_path)
        assert executed["cells"][0]["outputs"][0]["text"] == "1 2 3\n"
    assert (tmp_path / "data" / "numbers.txt").read_text() == "1 2 3"


def test_a_limit_inside_a_limit_leaves_the_outer_one_running() -> None:
    start = time.monotonic()
    with pytest.raises(TimeLimit), limited(0.3):
        with contextlib.suppress(TimeLimit), limited(0.1):
            time.sleep(5)
        time.sleep(5)
    assert time.monotonic() - start < 2


def test_a_lent_function_may_not_take_all_memory() -> None:
    with pytest.raises(MemoryError), bounded_memory(1 << 28):
        np.ones(1 << 30)
    np.ones(1 << 22)


def test_a_server_that_dies_is_started_anew(tmp_path: Path) -> None:
    notebook = with_answers("03-equations", "x = 1")
    with sandbox_engine() as engine:
        first = verdicts(engine.execute(notebook, tmp_path))
        engine._sandboxes[frozenset()]._process.kill()
        assert verdicts(engine.execute(notebook, tmp_path)) == first


@pytest.fixture(autouse=True)
def _forget_known() -> Iterator[None]:
    yield
    for name in [name for name in sys.modules if name.split(".")[0] == "known"]:
        del sys.modules[name]
