"""Outputs and all gradients equal PyTorch's to 1e-9: live where it is installed, golden everywhere.

Where PyTorch lacks a cell, central differences take its place; see `tests.test_cells`.
"""

import importlib.util
import json
import subprocess
import sys

import numpy as np
import pytest

import lstm_ref
from tests import parity
from tests.cells import KINDS

with_torch = pytest.mark.skipif(
    importlib.util.find_spec("torch") is None,
    reason="PyTorch is not installed (make torch); the golden vectors are checked instead",
)
BAR = 1e-9
cases = pytest.mark.parametrize("case", parity.CASES.values(), ids=parity.CASES)
GOLDEN = parity.read_golden()


@cases
def test_parity_with_the_golden_vectors(case):
    inputs, results = GOLDEN[case.name]
    worst = parity.largest_difference(parity.ours(case, inputs), results)
    assert max(worst.values()) < BAR, worst


def test_every_case_has_golden_vectors_and_no_other_has():
    assert list(GOLDEN) == list(parity.CASES)


@with_torch
@cases
@pytest.mark.parametrize("seed", range(4))
def test_parity_with_pytorch_itself(case, seed):
    inputs = parity.make_inputs(case, seed, parity.random_sizes(seed))
    worst = parity.largest_difference(parity.ours(case, inputs), parity.torchs(case, inputs))
    assert max(worst.values()) < BAR, worst


@with_torch
@cases
def test_golden_vectors_are_what_the_script_would_write_now(case):
    inputs, results = GOLDEN[case.name]
    drawn = parity.make_inputs(case)
    assert parity.largest_difference(drawn, inputs) == dict.fromkeys(sorted(inputs), 0.0)
    worst = parity.largest_difference(parity.torchs(case, inputs), results)
    assert max(worst.values()) < 1e-12, worst


@cases
def test_a_fault_in_any_parameter_or_state_is_seen(case):
    """Each input on its own: none is ignored on both sides."""
    inputs, results = GOLDEN[case.name]
    for key in inputs:
        if key == "lengths":
            continue
        wrong = {**inputs, key: inputs[key] + 1e-6}
        worst = parity.largest_difference(parity.ours(case, wrong), results)
        assert max(worst.values()) > BAR, key


def test_a_missing_quantity_a_wrong_shape_and_a_nan_are_seen():
    a = {"h": np.zeros(3)}
    with pytest.raises(ValueError, match="same quantities"):
        parity.largest_difference(a, {})
    with pytest.raises(ValueError, match=r"expected h of shape \(1,\), got \(3,\)"):
        parity.largest_difference(a, {"h": np.zeros(1)})
    assert parity.largest_difference(a, {"h": np.array([0, np.nan, 0])})["h"] == np.inf


def test_the_stored_table_is_complete_and_within_its_bars():
    table = json.loads((parity.GOLDEN / "parity.json").read_text())
    assert set(table["versions"]) == {"torch", "numpy", "python"}
    assert [row["case"] for row in table["rows"]] == [row["case"] for row in parity.parity_rows()]
    assert max(row["difference"] for row in table["rows"]) < BAR
    assert {row["case"].split("/")[0] for row in table["central_differences"]} == set(KINDS)
    assert max(row["error"] for row in table["central_differences"]) < 1e-6


def test_the_script_shows_the_stored_table_without_pytorch():
    script = parity.GOLDEN.parent.parent / "tools" / "make_golden_vectors.py"
    done = subprocess.run(
        [sys.executable, str(script), "--show"], capture_output=True, text=True, check=True
    )
    assert all(f"  {name} " in done.stdout for name in parity.CASES)


@pytest.mark.parametrize("kind", ["rnn", "gru", "lstm"])
def test_converters_return_what_they_were_given(kind):
    case = parity.Case(kind)
    params = parity.params_at(case, parity.make_inputs(case), "l0")
    state = getattr(lstm_ref, f"{kind}_to_torch")(params)
    again = getattr(lstm_ref, f"{kind}_from_torch")(*state.values())
    assert all(np.array_equal(a, b) for a, b in zip(params, again, strict=True))


@with_torch
@pytest.mark.parametrize("kind", ["rnn", "gru", "lstm"])
def test_weights_of_a_pytorch_layer_come_over_with_both_biases(kind):
    import torch

    name = parity.TORCH_NAMES[kind]
    torch.manual_seed(0)
    net = getattr(torch.nn, name)(3, 5, dtype=torch.float64)
    x = torch.randn(7, 2, 3, dtype=torch.float64)
    weights = [getattr(net, f"{key}_l0").detach().numpy() for key in parity.WEIGHTS]
    assert np.abs(weights[3]).max() > 0
    params = getattr(lstm_ref, f"{kind}_from_torch")(*weights)
    zeros = [np.zeros((2, 5))] * (2 if kind == "lstm" else 1)
    hs = KINDS[parity.COURSE[kind]].forward(x.numpy(), *zeros, params)[0]
    assert np.abs(hs - net(x)[0].detach().numpy()).max() < BAR


@with_torch
@pytest.mark.parametrize("window", [1, 3, 7])
def test_truncated_gradients_equal_pytorchs_with_a_detached_state(window):
    """`lstm_truncated_backward` against autograd cut where the windows meet."""
    import torch

    case = parity.Case("lstm")
    given = parity.make_inputs(case, seed=3)
    params, xs = parity.params_at(case, given, "l0"), given["xs"]
    initial = parity.states_at(case, given, "l0", "{}0")
    _, _, caches = lstm_ref.lstm_forward_cached(xs, *initial, params)
    dxs, grads = lstm_ref.lstm_truncated_backward(given["dhs"], caches, params, window)

    net = parity.torch_module(case, given)
    x = torch.tensor(xs, requires_grad=True)
    state = tuple(torch.tensor(s)[None] for s in initial)
    for part, _ in lstm_ref.time_windows(len(xs), window):
        hs, state = net(x[part], tuple(s.detach() for s in state))
        (hs * torch.tensor(given["dhs"][part])).sum().backward()
    theirs = parity.torch_gradients(case, net, "l0")
    assert np.abs(dxs - x.grad.numpy()).max() < BAR
    assert all(np.abs(a - b).max() < BAR for a, b in zip(grads, theirs, strict=True))


@pytest.mark.parametrize(
    ("kind", "rows", "shapes", "text"),
    [
        ("lstm", 8, {"weight_hh": (8, 3)}, r"weight_hh of shape \(4H, H\), got \(8, 3\)"),
        ("gru", 6, {"weight_hh": (8, 2)}, r"weight_hh of shape \(3H, H\), got \(8, 2\)"),
        ("rnn", 2, {"weight_hh": (2, 3)}, r"weight_hh of shape \(H, H\), got \(2, 3\)"),
        ("lstm", 8, {"weight_ih": (4, 3)}, r"weight_ih of shape \(8, D\), got \(4, 3\)"),
        ("gru", 6, {"bias_ih": (7,)}, r"bias_ih of shape \(6,\), got \(7,\)"),
        ("rnn", 2, {"bias_hh": (2, 1)}, r"bias_hh of shape \(2,\), got \(2, 1\)"),
    ],
)
def test_pytorch_layers_that_do_not_fit_are_refused(kind, rows, shapes, text):
    right = {
        "weight_ih": (rows, 3),
        "weight_hh": (rows, 2),
        "bias_ih": (rows,),
        "bias_hh": (rows,),
    }
    arrays = [np.ones(shape) for shape in {**right, **shapes}.values()]
    with pytest.raises(ValueError, match="expected " + text):
        getattr(lstm_ref, f"{kind}_from_torch")(*arrays)


def test_parameters_without_a_counterpart_in_pytorch_are_refused():
    params = lstm_ref.GRUParams(*[np.zeros((2, 5)), np.zeros(2)] * 3)
    with pytest.raises(ValueError, match=r"expected params as GRUResetAfterParams.*got GRUParams"):
        lstm_ref.gru_to_torch(params)
