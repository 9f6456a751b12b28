"""Trees of arrays: mapped, named, and refused where they do not match."""

import numpy as np
import pytest

from lstm_ref import LinearParams, tree_items, tree_map

TREE = {
    "cell": LinearParams(np.ones((2, 3)), np.zeros(2)),
    "layers": [np.ones(1), (np.ones(2), None)],
}


def test_every_array_has_its_path():
    assert [name for name, _ in tree_items(TREE)] == [
        "cell/W",
        "cell/b",
        "layers/0",
        "layers/1/0",
    ]
    assert [name for name, _ in tree_items(np.ones(1))] == [""]
    assert next(tree_items(np.ones(1), "x"))[0] == "x"


def test_a_map_keeps_every_container():
    out = tree_map(lambda a, b: a.shape + b.shape, TREE, TREE)
    assert out == {
        "cell": LinearParams((2, 3, 2, 3), (2, 2)),
        "layers": [(1, 1), ((2, 2), None)],
    }
    assert isinstance(out["cell"], LinearParams)


W, b = TREE["cell"]
BAD = {
    "missing key": ({"cell": TREE["cell"]}, r"dict with keys \['cell', 'layers'\], got a dict"),
    "not a dict": (TREE["layers"], "got a list of 2"),
    "longer list": ({**TREE, "layers": [1, 2, 3]}, "a list of 2 at layers, got a list of 3"),
    "other tuple": ({**TREE, "cell": (W, b)}, "LinearParams.* at cell, got a tuple of 2"),
    "array for a tuple": ({**TREE, "cell": W}, r"at cell, got an array of shape \(2, 3\)"),
    "tuple for an array": (
        {**TREE, "cell": LinearParams((W, W), b)},
        r"array of shape \(2, 3\) at cell/W, got a tuple of 2",
    ),
    "other shape": ({**TREE, "cell": LinearParams(W.T, b)}, r"at cell/W, got .*\(3, 2\)"),
    "array for nothing": (
        {**TREE, "layers": [b[:1], (b, b)]},
        r"expected None at layers/1/1, got an array",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_trees_that_do_not_match_are_refused(case):
    other, message = BAD[case]
    with pytest.raises(ValueError, match=f"expected .*{message}|{message}"):
        tree_map(lambda a, b: a, TREE, other)
