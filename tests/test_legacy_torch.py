"""The legacy chapter's blocks against PyTorch: outputs and all gradients to 1e-9.

``legacy_torch`` states every block in PyTorch; ``golden/legacy.npz`` holds what that gave, for
machines without PyTorch (``make golden`` writes it anew).
"""

import importlib.util

import numpy as np
import pytest

from lstm_ref import tree_items
from tests.test_legacy import BLOCKS, GOLDEN, upstream_of

with_torch = pytest.mark.skipif(
    importlib.util.find_spec("torch") is None,
    reason="PyTorch is not installed (make torch); the golden vectors are checked instead",
)
BAR = 1e-9


def ours(name):
    forward, backward, inputs = BLOCKS[name]
    outputs = forward(inputs)
    gradients = backward(upstream_of(outputs), inputs)
    results = {f"out/{k}": y for k, (_, y) in enumerate(tree_items(outputs))}
    named = dict(zip(inputs, gradients, strict=True))
    return results | {f"d/{label}": g for label, g in tree_items(named)}


def largest_difference(a, b):
    assert a.keys() == b.keys()
    for key in a:
        assert np.shape(a[key]) == np.shape(b[key]), key
    return max(float(np.abs(a[key] - b[key]).max(initial=0)) for key in a)


def golden(name):
    with np.load(GOLDEN, allow_pickle=False) as file:
        keys = [key for key in file.files if key.split("|")[0] == name]
        return {key.split("|")[1]: file[key] for key in keys}


@pytest.mark.parametrize("name", BLOCKS)
def test_outputs_and_gradients_equal_the_golden_vectors(name):
    assert largest_difference(ours(name), golden(name)) < BAR


@with_torch
@pytest.mark.parametrize("name", BLOCKS)
def test_outputs_and_gradients_equal_pytorchs(name):
    from tests.legacy_torch import torchs

    theirs = torchs(name)
    assert largest_difference(ours(name), theirs) < BAR
    assert largest_difference(golden(name), theirs) < 1e-12


@with_torch
def test_a_planted_fault_is_seen():
    from tests.legacy_torch import grn, highway, torchs

    wrong = torchs("highway_layer", lambda x: highway(x) * (1 + 1e-6))
    assert largest_difference(ours("highway_layer"), wrong) > BAR
    name = "gated_residual_network without context"
    wrong = torchs(name, lambda x: grn(x["a"], x["a"] * (1 + 1e-6), x["params"]))
    assert largest_difference(ours(name), wrong) > BAR
