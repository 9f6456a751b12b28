"""Gates without a memory: the gated linear unit and the highway layer.

Shapes
------
``B`` batch, ``H`` width; ``...`` any axes.
"""

from typing import NamedTuple

import numpy as np

from lstm_ref.cells import sigmoid
from lstm_ref.params import Array
from lstm_ref.validation import check_array

__all__ = [
    "HighwayParams",
    "gated_linear_unit",
    "gated_linear_unit_backward",
    "highway_layer",
    "highway_layer_backward",
]


def gated_linear_unit(a: Array, b: Array) -> Array:
    """Let one half of a layer decide how much of the other passes: ``a · σ(b)``.

    Parameters
    ----------
    a, b : ndarray, shape (...)
        Values and gate pre-activations, of one shape.

    Returns
    -------
    ndarray, shape (...)

    Raises
    ------
    ValueError
        If the shapes differ, an axis is empty, or a dtype is not floating.

    References
    ----------
    Y. N. Dauphin, A. Fan, M. Auli, D. Grangier (2017). Language Modeling with Gated Convolutional
    Networks. ICML.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import gated_linear_unit
    >>> gated_linear_unit(np.array([2.0, 2.0]), np.array([0.0, -1000.0]))
    array([1., 0.])
    """
    _check_pair(a, b)
    return np.asarray(a * sigmoid(b))


def gated_linear_unit_backward(dout: Array, a: Array, b: Array) -> tuple[Array, Array]:
    """Take a loss gradient back through `gated_linear_unit`.

    Parameters
    ----------
    dout : ndarray, shape (...)
        Loss gradient of the output.
    a, b : ndarray, shape (...)
        As given to the forward pass.

    Returns
    -------
    da, db : ndarray, shape (...)

    Raises
    ------
    ValueError
        If shapes or dtypes do not fit.

    Notes
    -----
    ``da = dout · σ(b)``: a linear path, on which no ``tanh′`` shrinks the gradient.
    ``db = dout · a · σ(b) (1 − σ(b))``.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import gated_linear_unit_backward
    >>> gated_linear_unit_backward(np.ones(1), np.array([2.0]), np.array([0.0]))
    (array([0.5]), array([0.5]))
    """
    _check_pair(a, b)
    check_array("dout", dout, a.shape)
    gate = sigmoid(b)
    return np.asarray(dout * gate), np.asarray(dout * (gate * (1 - gate)) * a)


def _check_pair(a: Array, b: Array) -> None:
    check_array("a", a, np.shape(a))
    check_array("b", b, a.shape)


class HighwayParams(NamedTuple):
    """Weights ``(H, H)`` and biases ``(H,)`` of a highway layer: transform gate, candidate.

    References
    ----------
    R. K. Srivastava, K. Greff, J. Schmidhuber (2015). Highway Networks. arXiv:1505.00387.
    """

    W_t: Array
    b_t: Array
    W_h: Array
    b_h: Array


def highway_layer(x: Array, params: HighwayParams) -> Array:
    r"""Mix a layer's input with its output, unit by unit: a forget gate over depth.

    Parameters
    ----------
    x : ndarray, shape (B, H)
    params : HighwayParams
        A ``b_t`` of −1 to −3 makes the layer carry its input at the start of training.

    Returns
    -------
    ndarray, shape (B, H)

    Raises
    ------
    ValueError
        If shapes or dtypes do not fit, the batch is empty, or a weight is NaN.

    Notes
    -----
    .. math::
        t = σ(W_t x + b_t), \quad \tilde h = \tanh(W_h x + b_h), \quad
        y = t · \tilde h + (1 - t) · x

    The same coupling as in a GRU, where ``x`` is the previous state and depth is time.

    References
    ----------
    R. K. Srivastava, K. Greff, J. Schmidhuber (2015). Highway Networks. arXiv:1505.00387.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import HighwayParams, highway_layer
    >>> shut = HighwayParams(np.zeros((2, 2)), np.full(2, -1000.0), np.ones((2, 2)), np.ones(2))
    >>> highway_layer(np.array([[3.0, -4.0]]), shut)
    array([[ 3., -4.]])
    """
    _check_highway(x, params)
    t = sigmoid(x @ params.W_t.T + params.b_t)  # (B, H)
    candidate = np.tanh(x @ params.W_h.T + params.b_h)  # (B, H)
    return np.asarray(t * candidate + (1 - t) * x)


def highway_layer_backward(
    dout: Array, x: Array, params: HighwayParams
) -> tuple[Array, HighwayParams]:
    r"""Take a loss gradient back through `highway_layer`.

    Parameters
    ----------
    dout : ndarray, shape (B, H)
        Loss gradient of the output.
    x : ndarray, shape (B, H)
    params : HighwayParams
        As given to the forward pass.

    Returns
    -------
    dx : ndarray, shape (B, H)
    grads : HighwayParams
        Summed over the batch.

    Raises
    ------
    ValueError
        If shapes or dtypes do not fit.

    Notes
    -----
    .. math::
        δ_t &= dy · (\tilde h - x) · t (1 - t), \quad δ_h = dy · t · (1 - \tilde h^2) \\
        dx &= dy · (1 - t) + W_t^T δ_t + W_h^T δ_h

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import HighwayParams, highway_layer_backward
    >>> shut = HighwayParams(np.zeros((1, 1)), np.full(1, -1000.0), np.ones((1, 1)), np.ones(1))
    >>> highway_layer_backward(np.ones((1, 1)), np.ones((1, 1)), shut)[0]
    array([[1.]])
    """
    _check_highway(x, params)
    check_array("dout", dout, x.shape)
    t = sigmoid(x @ params.W_t.T + params.b_t)  # (B, H)
    candidate = np.tanh(x @ params.W_h.T + params.b_h)  # (B, H)
    delta_t = dout * (candidate - x) * (t * (1 - t))
    delta_h = dout * t * (1 - candidate**2)
    dx = dout * (1 - t) + delta_t @ params.W_t + delta_h @ params.W_h
    return dx, HighwayParams(delta_t.T @ x, delta_t.sum(axis=0), delta_h.T @ x, delta_h.sum(axis=0))


def _check_highway(x: Array, params: HighwayParams) -> None:
    check_array("x", x, ("B", "H"))
    width = x.shape[1]
    for name, value in zip(params._fields, params, strict=True):
        check_array(name, value, (width, width) if name.startswith("W") else (width,))
        if np.isnan(value).any():
            raise ValueError(f"expected numbers in {name}, got {np.isnan(value).sum()} NaN")
