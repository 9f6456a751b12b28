"""Linear map and embedding: values, gradients, edges."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from lstm_ref import (
    LinearParams,
    embedding_backward,
    embedding_forward,
    gradcheck,
    linear_backward,
    linear_forward,
)

rng = np.random.default_rng(0)
X = rng.standard_normal((7, 3, 5))
PARAMS = LinearParams(rng.standard_normal((2, 5)), rng.standard_normal(2))
DY = rng.standard_normal((7, 3, 2))
TOKENS = np.array([[0, 3, 3], [1, 0, 3]])
E = rng.standard_normal((5, 2))
DE = rng.standard_normal((2, 3, 2))


@pytest.mark.parametrize("shape", [(7, 3, 5), (3, 5), (5,)])
def test_the_linear_map_acts_at_every_position(shape):
    x = X[(0,) * (3 - len(shape))]
    y = linear_forward(x, PARAMS)
    for index in np.ndindex(shape[:-1]):
        assert_allclose(y[index], PARAMS.W @ x[index] + PARAMS.b)


@pytest.mark.parametrize("axes", [3, 2, 1])
def test_linear_gradients_agree_with_central_differences(axes):
    x, dy = X[(0,) * (3 - axes)], DY[(0,) * (3 - axes)]
    dx, grads = linear_backward(dy, x, PARAMS)
    loss = lambda p: (linear_forward(p["x"], p["params"]) * dy).sum()  # noqa: E731
    report = gradcheck(loss, {"x": x, "params": PARAMS}, {"x": dx, "params": grads})
    assert report, report


def test_embedding_gradients_agree_with_central_differences():
    report = gradcheck(
        lambda E: (embedding_forward(TOKENS, E) * DE).sum(), E, embedding_backward(DE, TOKENS, 5)
    )
    assert report, report


def test_a_token_is_its_row_and_collects_all_its_gradients():
    assert_array_equal(embedding_forward(TOKENS, E)[1, 2], E[3])
    dE = embedding_backward(DE, TOKENS, 5)
    assert_allclose(dE[3], DE[0, 1] + DE[0, 2] + DE[1, 2])
    assert not dE[2].any() and not dE[4].any()


def test_embedding_is_a_linear_map_of_one_hot_rows():
    one_hot = np.eye(5)[TOKENS]
    assert_allclose(
        embedding_forward(TOKENS, E), linear_forward(one_hot, LinearParams(E.T, np.zeros(2)))
    )


def test_single_precision_stays_and_inputs_are_untouched():
    x, params = X.astype(np.float32), LinearParams(*(p.astype(np.float32) for p in PARAMS))
    before = x.copy()
    dx, grads = linear_backward(DY.astype(np.float32), x, params)
    for array in (linear_forward(x, params), dx, *grads):
        assert array.dtype == np.float32
    assert_array_equal(x, before)
    assert embedding_backward(DE.astype(np.float32), TOKENS, 5).dtype == np.float32
    out = embedding_forward(TOKENS, E)
    out += 1
    assert_array_equal(embedding_forward(TOKENS, E), E[TOKENS])


def test_pytorch_agrees():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed: parity not checked")
    F = torch.nn.functional
    x, W, b, table = (torch.tensor(a, requires_grad=True) for a in (X, *PARAMS, E))
    y = F.linear(x, W, b)
    y.backward(torch.tensor(DY))
    dx, grads = linear_backward(DY, X, PARAMS)
    for ours, theirs in ((linear_forward(X, PARAMS), y.detach()), (dx, x.grad)):
        assert_allclose(ours, theirs.numpy(), atol=1e-9)
    assert_allclose(grads.W, W.grad.numpy(), atol=1e-9)
    assert_allclose(grads.b, b.grad.numpy(), atol=1e-9)
    F.embedding(torch.tensor(TOKENS), table).backward(torch.tensor(DE))
    assert_allclose(embedding_backward(DE, TOKENS, 5), table.grad.numpy(), atol=1e-9)


BAD = {
    "inputs": (lambda: linear_forward(X[..., :3], PARAMS), r"x of shape \(7, 3, 5\)"),
    "no axes": (lambda: linear_forward(1.0, PARAMS), "x as an array"),
    "bias": (
        lambda: linear_forward(X, PARAMS._replace(b=np.ones(3))),
        r"b of shape \(2,\), got \(3,\)",
    ),
    "weight": (lambda: linear_forward(X, PARAMS._replace(W=np.ones(5))), r"W of shape \(M, N\)"),
    "integers": (lambda: linear_forward(np.ones((3, 5), int), PARAMS), "floating"),
    "gradient": (lambda: linear_backward(DY[0], X, PARAMS), r"dy of shape \(7, 3, 2\)"),
    "large token": (lambda: embedding_forward([5], E), "tokens between 0 and 4, got 5"),
    "negative token": (lambda: embedding_forward([-1], E), "tokens between 0 and 4, got -1"),
    "fractional token": (lambda: embedding_forward([1.0], E), "tokens as integers, got float64"),
    "table": (lambda: embedding_forward([1], E[0]), r"E of shape \(V, M\), got \(2,\)"),
    "vocabulary": (lambda: embedding_backward(DE, TOKENS, 0), "vocabulary_size of at least 1"),
    "unknown token": (lambda: embedding_backward(DE, TOKENS, 3), "tokens between 0 and 2, got 3"),
    "embedding gradient": (
        lambda: embedding_backward(DE[0], TOKENS, 5),
        r"dy of shape \(2, 3, M\), got \(3, 2\)",
    ),
    "gradient as a list": (lambda: embedding_backward([1.0], [0], 5), "dy as an array"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_refused_with_what_was_expected(case):
    call, message = BAD[case]
    with pytest.raises(ValueError, match=f"expected a? ?{message}|expected .*{message}"):
        call()
