"""Outputs and all gradients equal PyTorch to 1e-9: live where installed, golden elsewhere."""

import importlib.util

import numpy as np
import pytest

import lstm_ref
from tests import parity

with_torch = pytest.mark.skipif(
    importlib.util.find_spec("torch") is None,
    reason="PyTorch is not installed (make torch); the golden vectors are checked instead",
)
BAR = 1e-9


@pytest.mark.parametrize("case", parity.CASES)
def test_parity_with_the_golden_vectors(case):
    inputs, results = parity.read_golden()
    worst = parity.largest_difference(parity.ours(case, inputs[case]), results[case])
    assert max(worst.values()) < BAR, worst


@with_torch
@pytest.mark.parametrize("sizes", [(7, 5, 3, 11), (2, 3, 13, 5), (17, 1, 2, 7)], ids=str)
@pytest.mark.parametrize("case", parity.CASES)
def test_parity_with_pytorch_itself(case, sizes):
    inputs = parity.make_inputs(case, seed=sum(sizes), sizes=sizes)
    worst = parity.largest_difference(parity.ours(case, inputs), parity.torchs(case, inputs))
    assert max(worst.values()) < BAR, worst


@with_torch
@pytest.mark.parametrize("case", parity.CASES)
def test_golden_vectors_are_what_pytorch_computes_now(case):
    inputs, results = parity.read_golden()
    worst = parity.largest_difference(parity.torchs(case, inputs[case]), results[case])
    assert max(worst.values()) < 1e-12, worst


def test_a_planted_fault_is_seen():
    inputs, results = parity.read_golden()
    wrong = dict(inputs["lstm"])
    wrong["p0.b_o"] = wrong["p0.b_o"] + 1e-6
    worst = parity.largest_difference(parity.ours("lstm", wrong), results["lstm"])
    assert max(worst.values()) > BAR


@pytest.mark.parametrize("kind", ["rnn", "gru", "lstm"])
def test_converters_return_what_they_were_given(kind):
    params = parity.layers_of(kind, parity.make_inputs(kind))[0]
    state = getattr(lstm_ref, f"{kind}_to_torch")(params)
    again = getattr(lstm_ref, f"{kind}_from_torch")(*state.values())
    assert all(np.array_equal(a, b) for a, b in zip(params, again, strict=True))


@pytest.mark.parametrize(
    ("shapes", "text"),
    [
        ([(8, 3), (8, 3), (8,), (8,)], r"expected weight_hh of shape \(4H, H\), got \(8, 3\)"),
        ([(4, 3), (8, 2), (8,), (8,)], r"expected weight_ih of shape \(8, D\), got \(4, 3\)"),
        ([(8, 3), (8, 2), (7,), (8,)], r"expected bias_ih of shape \(8,\), got \(7,\)"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(shapes, text):
    with pytest.raises(ValueError, match=text):
        lstm_ref.lstm_from_torch(*map(np.ones, shapes))
