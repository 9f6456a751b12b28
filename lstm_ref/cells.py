"""One step of each recurrent cell, forward and backward, written to be read beside the equations.

Shapes
------
``B`` batch, ``D`` input size, ``H`` hidden size. ``x (B, D)``, ``h (B, H)``, ``c (B, H)``;
weights ``(H, H + D)`` act on ``[h, x]``, biases are ``(H,)``. Everything here is pure: inputs
are never modified, results never share memory with them. The same numbers, faster, are in
`lstm_ref.fast`.
"""

import numpy as np
from numpy.typing import ArrayLike

from lstm_ref.params import Array, LSTMCache, LSTMParams
from lstm_ref.validation import (
    as_floating,
    check_array,
    check_backward,
    check_broadcast,
    check_gate,
    check_step,
)

__all__ = [
    "forget_gate",
    "input_gate",
    "lstm_step",
    "lstm_step_backward",
    "lstm_step_cached",
    "output_gate",
    "sigmoid",
    "update_cell",
]


def sigmoid(z: ArrayLike) -> Array:
    """Logistic function ``σ(z) = 1 / (1 + exp(−z))``, silent and exact for any finite ``z``.

    Parameters
    ----------
    z : array_like
        Any shape, scalars welcome.

    Returns
    -------
    ndarray
        Same shape as `z`, values in [0, 1], floating dtype kept (integers become float64).

    Raises
    ------
    ValueError
        If `z` does not hold real numbers.

    Notes
    -----
    ``exp`` is taken of ``−|z|`` only, so it cannot overflow: ``σ(z)`` is ``1 / (1 + e)`` on the
    right of zero and ``e / (1 + e)`` on the left, with ``e = exp(−|z|)``.

    Examples
    --------
    >>> from lstm_ref import sigmoid
    >>> sigmoid([-1000.0, 0.0, 1000.0])
    array([0. , 0.5, 1. ])
    """
    z = as_floating("z", z)
    e = np.exp(-np.abs(z))
    return np.asarray(np.where(z >= 0, 1, e) / (1 + e), dtype=e.dtype)


def forget_gate(h: Array, x: Array, W_f: Array, b_f: Array) -> Array:
    """Decide what to keep of the cell state: ``f_t = σ(W_f · [h_{t−1}, x_t] + b_f)``.

    Parameters
    ----------
    h : ndarray, shape (B, H)
        Hidden state before the step.
    x : ndarray, shape (B, D)
    W_f : ndarray, shape (H, H + D)
    b_f : ndarray, shape (H,)

    Returns
    -------
    ndarray, shape (B, H)
        Values in (0, 1): 0 forgets, 1 keeps.

    Raises
    ------
    ValueError
        If shapes or dtypes do not fit, the batch is empty, or a weight is NaN.

    References
    ----------
    F. A. Gers, J. Schmidhuber, F. Cummins (2000). Learning to Forget: Continual Prediction with
    LSTM. Neural Computation 12(10).

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import forget_gate
    >>> forget_gate(np.zeros((1, 2)), np.ones((1, 3)), np.zeros((2, 5)), np.array([0.0, 50.0]))
    array([[0.5, 1. ]])
    """
    check_gate(h, x, W_f=W_f, b_f=b_f)
    hx = np.concatenate([h, x], axis=1)  # (B, H + D)
    return sigmoid(hx @ W_f.T + b_f)


def input_gate(
    h: Array, x: Array, W_i: Array, b_i: Array, W_c: Array, b_c: Array
) -> tuple[Array, Array]:
    """Decide what to write: ``i_t = σ(W_i · [h, x] + b_i)``, ``c̃_t = tanh(W_c · [h, x] + b_c)``.

    Parameters
    ----------
    h : ndarray, shape (B, H)
        Hidden state before the step.
    x : ndarray, shape (B, D)
    W_i, W_c : ndarray, shape (H, H + D)
    b_i, b_c : ndarray, shape (H,)

    Returns
    -------
    i : ndarray, shape (B, H)
        How much to write, in (0, 1).
    candidate : ndarray, shape (B, H)
        What to write, in (−1, 1).

    Raises
    ------
    ValueError
        If shapes or dtypes do not fit, the batch is empty, or a weight is NaN.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import input_gate
    >>> W, b = np.zeros((2, 5)), np.zeros(2)
    >>> input_gate(np.zeros((1, 2)), np.ones((1, 3)), W, b, W, b + 50)
    (array([[0.5, 0.5]]), array([[1., 1.]]))
    """
    check_gate(h, x, W_i=W_i, b_i=b_i, W_c=W_c, b_c=b_c)
    hx = np.concatenate([h, x], axis=1)  # (B, H + D)
    i = sigmoid(hx @ W_i.T + b_i)
    candidate = np.tanh(hx @ W_c.T + b_c)
    return i, candidate


def update_cell(f: Array, c_prev: Array, i: Array, candidate: Array) -> Array:
    """Forget and write: ``c_t = f_t · c_{t−1} + i_t · c̃_t``, element by element.

    Parameters
    ----------
    f, c_prev, i, candidate : ndarray, shape (B, H)

    Returns
    -------
    ndarray, shape (B, H)
        The new cell state, unbounded.

    Raises
    ------
    ValueError
        If the shapes do not broadcast.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import update_cell
    >>> update_cell(np.array([[0.5]]), np.array([[4.0]]), np.array([[1.0]]), np.array([[-1.0]]))
    array([[1.]])
    """
    check_broadcast(f=f, c_prev=c_prev, i=i, candidate=candidate)
    return f * c_prev + i * candidate


def output_gate(h: Array, x: Array, c: Array, W_o: Array, b_o: Array) -> tuple[Array, Array]:
    """Decide what to show: ``o_t = σ(W_o · [h_{t−1}, x_t] + b_o)``, ``h_t = o_t · tanh(c_t)``.

    Parameters
    ----------
    h : ndarray, shape (B, H)
        Hidden state before the step.
    x : ndarray, shape (B, D)
    c : ndarray, shape (B, H)
        The *new* cell state ``c_t``.
    W_o : ndarray, shape (H, H + D)
    b_o : ndarray, shape (H,)

    Returns
    -------
    o : ndarray, shape (B, H)
        How much to show, in (0, 1).
    h_next : ndarray, shape (B, H)
        The new hidden state, in (−1, 1).

    Raises
    ------
    ValueError
        If shapes or dtypes do not fit, the batch is empty, or a weight is NaN.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import output_gate
    >>> c = np.full((1, 2), 50.0)
    >>> output_gate(np.zeros((1, 2)), np.ones((1, 3)), c, np.zeros((2, 5)), np.zeros(2))
    (array([[0.5, 0.5]]), array([[0.5, 0.5]]))
    """
    check_gate(h, x, W_o=W_o, b_o=b_o)
    check_array("c", c, h.shape)
    hx = np.concatenate([h, x], axis=1)  # (B, H + D)
    o = sigmoid(hx @ W_o.T + b_o)
    return o, o * np.tanh(c)


def lstm_step(x: Array, h: Array, c: Array, params: LSTMParams) -> tuple[Array, Array]:
    r"""Advance an LSTM by one time step.

    Parameters
    ----------
    x : ndarray, shape (B, D)
    h, c : ndarray, shape (B, H)
        Hidden and cell state before the step.
    params : LSTMParams

    Returns
    -------
    h_next, c_next : ndarray, shape (B, H)

    Raises
    ------
    ValueError
        If shapes or dtypes do not fit, the batch is empty, or a weight is NaN.

    Notes
    -----
    .. math::
        f &= σ(W_f [h, x] + b_f) \\
        i &= σ(W_i [h, x] + b_i), \quad \tilde c = \tanh(W_c [h, x] + b_c) \\
        c' &= f · c + i · \tilde c \\
        o &= σ(W_o [h, x] + b_o), \quad h' = o · \tanh(c')

    References
    ----------
    S. Hochreiter, J. Schmidhuber (1997). Long Short-Term Memory. Neural Computation 9(8); with
    the forget gate of F. A. Gers, J. Schmidhuber, F. Cummins (2000), Neural Computation 12(10).

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import LSTMParams, lstm_step
    >>> p = LSTMParams(*[np.zeros((2, 5)), np.zeros(2)] * 4)
    >>> h, c = lstm_step(np.ones((1, 3)), np.zeros((1, 2)), np.full((1, 2), 2.0), p)
    >>> c
    array([[1., 1.]])
    """
    h_next, cache = lstm_step_cached(x, h, c, params)
    return h_next, cache.c_next


def lstm_step_cached(x: Array, h: Array, c: Array, params: LSTMParams) -> tuple[Array, LSTMCache]:
    """Advance an LSTM by one step and keep what `lstm_step_backward` needs.

    Parameters and errors are those of `lstm_step`.

    Returns
    -------
    h_next : ndarray, shape (B, H)
    cache : LSTMCache
        The new cell state is ``cache.c_next``. ``x``, ``h`` and ``c`` are the caller's own arrays,
        not copies: leave them alone until the backward pass.
    """
    check_step(x, params, LSTMParams, h=h, c=c)
    f = forget_gate(h, x, params.W_f, params.b_f)  # (B, H)
    i, candidate = input_gate(h, x, params.W_i, params.b_i, params.W_c, params.b_c)
    c_next = update_cell(f, c, i, candidate)
    o, h_next = output_gate(h, x, c_next, params.W_o, params.b_o)
    return h_next, LSTMCache(x, h, c, f, i, candidate, o, c_next)


def lstm_step_backward(
    dh_next: Array, dc_next: Array, cache: LSTMCache, params: LSTMParams
) -> tuple[Array, Array, Array, LSTMParams]:
    r"""Take a loss gradient back through one LSTM step.

    Parameters
    ----------
    dh_next, dc_next : ndarray, shape (B, H)
        Loss gradients of the states after the step. ``dc_next`` is what reaches the cell from
        later steps; what reaches it through ``h_next`` is added here.
    cache : LSTMCache
        From `lstm_step_cached`.
    params : LSTMParams

    Returns
    -------
    dx : ndarray, shape (B, D)
    dh, dc : ndarray, shape (B, H)
        Loss gradients of the states before the step.
    grads : LSTMParams
        Loss gradients of the parameters, summed over the batch.

    Raises
    ------
    ValueError
        If the gradients or the parameters do not fit the cache.

    Notes
    -----
    With ``δ`` for the gradient of a pre-activation, and σ′ = σ(1 − σ), tanh′ = 1 − tanh²:

    .. math::
        dc' &\mathrel{+}= dh' · o · (1 - \tanh^2 c') \\
        δ_f &= dc' · c · f (1 - f), \quad δ_i = dc' · \tilde c · i (1 - i) \\
        δ_c &= dc' · i · (1 - \tilde c^2), \quad δ_o = dh' · \tanh c' · o (1 - o) \\
        dc &= dc' · f, \quad [dh, dx] = \sum_g δ_g W_g, \quad dW_g = δ_g^T [h, x]

    References
    ----------
    A. Graves, J. Schmidhuber (2005). Framewise Phoneme Classification with Bidirectional LSTM
    and Other Neural Network Architectures. Neural Networks 18. (The 1997 paper cut these
    gradients short; the full ones came later.)
    """
    check_backward(cache, params, LSTMParams, dh_next=dh_next, dc_next=dc_next)
    x, h, c, f, i, candidate, o, c_next = cache
    tanh_c = np.tanh(c_next)
    dc_total = dc_next + dh_next * o * (1 - tanh_c**2)  # (B, H)
    delta_f = dc_total * c * f * (1 - f)
    delta_i = dc_total * candidate * i * (1 - i)
    delta_c = dc_total * i * (1 - candidate**2)
    delta_o = dh_next * tanh_c * o * (1 - o)

    hx = np.concatenate([h, x], axis=1)  # (B, H + D)
    dhx = (
        delta_f @ params.W_f + delta_i @ params.W_i + delta_c @ params.W_c + delta_o @ params.W_o
    )  # (B, H + D)
    grads = LSTMParams(
        *(
            gradient
            for delta in (delta_f, delta_i, delta_c, delta_o)
            for gradient in (delta.T @ hx, delta.sum(axis=0))
        )
    )
    hidden_size = h.shape[1]
    return dhx[:, hidden_size:].copy(), dhx[:, :hidden_size].copy(), dc_total * f, grads
