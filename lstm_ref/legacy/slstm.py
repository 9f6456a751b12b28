"""sLSTM, the cell of xLSTM that still looks at its state: exponential gates, kept in bounds.

Shapes
------
``B`` batch, ``D`` input size, ``H`` hidden size; weights ``(H, H + D)`` act on ``[h, x]``.

References
----------
M. Beck et al. (2024). xLSTM: Extended Long Short-Term Memory. NeurIPS.
"""

from typing import Any, NamedTuple

import numpy as np

from lstm_ref.cells import sigmoid
from lstm_ref.params import Array
from lstm_ref.validation import check_array, check_parameters, check_step

__all__ = [
    "SLSTMParams",
    "SLSTMState",
    "slstm_backward",
    "slstm_forward",
    "slstm_initial_state",
    "slstm_step",
    "slstm_step_backward",
]


class SLSTMParams(NamedTuple):
    """Weights ``(H, H + D)`` and biases ``(H,)``: forget, input, candidate ``c``, output."""

    W_f: Array
    b_f: Array
    W_i: Array
    b_i: Array
    W_c: Array
    b_c: Array
    W_o: Array
    b_o: Array


class SLSTMState(NamedTuple):
    """Hidden state, cell, normaliser and stabiliser, each ``(B, H)``.

    The memory meant is ``exp(m) · c``, its normaliser ``exp(m) · n``: ``m`` carries the scale that
    no float could hold. An empty memory has ``n = 0`` and ``c = 0``.
    """

    h: Array
    c: Array
    n: Array
    m: Array


def slstm_initial_state(batch_size: int, params: SLSTMParams) -> SLSTMState:
    """Give the empty memory: zeros, in the dtype of the parameters.

    Parameters
    ----------
    batch_size : int
        At least 1.
    params : SLSTMParams

    Returns
    -------
    SLSTMState

    Raises
    ------
    ValueError
        If the batch is empty or the parameters do not fit each other.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import SLSTMParams, slstm_initial_state
    >>> p = SLSTMParams(*[np.zeros((2, 5)), np.zeros(2)] * 4)
    >>> slstm_initial_state(3, p).n.shape
    (3, 2)
    """
    if batch_size < 1:
        raise ValueError(f"expected a batch_size of at least 1, got {batch_size}")
    shape = (batch_size, check_parameters(params, kind=SLSTMParams))
    return SLSTMState(*(np.zeros(shape, dtype=params.b_f.dtype) for _ in range(4)))


def slstm_step(x: Array, state: SLSTMState, params: SLSTMParams) -> SLSTMState:
    r"""Advance an sLSTM by one time step.

    Parameters
    ----------
    x : ndarray, shape (B, D)
    state : SLSTMState
        Before the step.
    params : SLSTMParams

    Returns
    -------
    SLSTMState
        After the step.

    Raises
    ------
    ValueError
        If shapes or dtypes do not fit, a weight is NaN, or the normaliser is negative or zero
        under a cell that is not.

    Notes
    -----
    .. math::
        \tilde f &= W_f [h, x] + b_f, \quad \tilde\imath = W_i [h, x] + b_i, \quad
        \tilde c = \tanh(W_c [h, x] + b_c), \quad o = σ(W_o [h, x] + b_o) \\
        m' &= \max(\log σ(\tilde f) + m, \; \tilde\imath) \\
        f &= \exp(\log σ(\tilde f) + m - m'), \quad i = \exp(\tilde\imath - m') \\
        c' &= f · c + i · \tilde c, \quad n' = f · n + i, \quad h' = o · c' / n'

    The input gate is an exponential, so a new input can outweigh all that was stored; ``n`` counts
    the weight that is stored, so ``c' / n'`` is a weighted mean of candidates. Both gates are
    divided by ``exp(m')``, which cancels in ``c' / n'`` and keeps them at most 1. An empty memory
    has no scale yet: there ``m' = ĩ``. (The paper also allows an exponential forget gate. Heads
    are left out: every unit sees every other.)

    References
    ----------
    M. Beck et al. (2024). xLSTM: Extended Long Short-Term Memory. NeurIPS.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import SLSTMParams, slstm_initial_state, slstm_step
    >>> zero = [np.zeros((1, 2)), np.zeros(1)]
    >>> p = SLSTMParams(*zero, np.zeros((1, 2)), np.full(1, 1000.0), *zero, *zero)
    >>> state = slstm_step(np.ones((1, 1)), slstm_initial_state(1, p), p)
    >>> state.n, state.m
    (array([[1.]]), array([[1000.]]))
    """
    _check_slstm(x, state, params)
    g = _gates(x, state, params)
    c = g.f * state.c + g.i * g.candidate
    n = g.f * state.n + g.i
    return SLSTMState(np.asarray(g.o * (c / n)), np.asarray(c), np.asarray(n), g.m)


def slstm_step_backward(
    dstate: SLSTMState, x: Array, state: SLSTMState, params: SLSTMParams
) -> tuple[Array, SLSTMState, SLSTMParams]:
    r"""Take loss gradients back through one sLSTM step.

    Parameters
    ----------
    dstate : SLSTMState
        Loss gradient of the state after the step.
    x, state, params
        As given to the forward pass.

    Returns
    -------
    dx : ndarray, shape (B, D)
    dstate : SLSTMState
        Loss gradient of the state before the step. An empty memory is a constant: its ``dc``,
        ``dn`` and ``dm`` are 0.
    grads : SLSTMParams
        Summed over the batch.

    Raises
    ------
    ValueError
        If shapes or dtypes do not fit.

    Notes
    -----
    .. math::
        dc' &\mathrel{+}= dh' · o / n', \quad dn' \mathrel{-}= dh' · o · c' / n'^2 \\
        df &= dc' · c + dn' · n, \quad di = dc' · \tilde c + dn' \\
        dm' &\mathrel{-}= df · f + di · i

    and ``dm'`` goes to whichever of ``log σ(f̃) + m`` and ``ĩ`` was the larger.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import SLSTMParams, SLSTMState, slstm_initial_state, slstm_step_backward
    >>> p = SLSTMParams(*[np.zeros((1, 2)), np.zeros(1)] * 4)
    >>> zero, one = np.zeros((1, 1)), np.ones((1, 1))
    >>> dx, _, grads = slstm_step_backward(
    ...     SLSTMState(one, zero, zero, zero), one, slstm_initial_state(1, p), p
    ... )
    >>> grads.b_c
    array([0.5])
    """
    _check_slstm(x, state, params)
    for name, value in zip(state._fields, dstate, strict=True):
        check_array(f"d{name}", value, state.h.shape)
    h, c, n, _ = state
    g = _gates(x, state, params)
    c_next = g.f * c + g.i * g.candidate
    n_next = g.f * n + g.i
    mean = c_next / n_next
    dc = dstate.c + dstate.h * g.o / n_next  # (B, H)
    dn = dstate.n - dstate.h * g.o * mean / n_next
    through_f = (dc * c + dn * n) * g.f
    through_i = (dc * g.candidate + dn) * g.i
    dm = dstate.m - through_f - through_i
    dlog_f = through_f + np.where(g.kept, dm, 0)  # of log σ(f̃) + m
    delta_f = dlog_f * (1 - g.forget)
    delta_i = through_i + np.where(g.kept, 0, dm)
    delta_c = dc * g.i * (1 - g.candidate**2)
    delta_o = dstate.h * mean * (g.o * (1 - g.o))

    hx = np.concatenate([h, x], axis=1)  # (B, H + D)
    deltas = (delta_f, delta_i, delta_c, delta_o)
    dhx = (
        delta_f @ params.W_f + delta_i @ params.W_i + delta_c @ params.W_c + delta_o @ params.W_o
    )  # (B, H + D)
    grads = SLSTMParams(*(g for delta in deltas for g in (delta.T @ hx, delta.sum(axis=0))))
    hidden_size = h.shape[1]
    before = SLSTMState(dhx[:, :hidden_size].copy(), dc * g.f, dn * g.f, dlog_f)
    return dhx[:, hidden_size:].copy(), before, grads


class _Gates(NamedTuple):
    """Gates of a step; ``kept`` is where the old scale won, ``forget`` is ``σ(f̃)``."""

    f: Array
    i: Array
    candidate: Array
    o: Array
    m: Array
    kept: Any
    forget: Array


def _gates(x: Array, state: SLSTMState, params: SLSTMParams) -> _Gates:
    hx = np.concatenate([state.h, x], axis=1)  # (B, H + D)
    raw_f = hx @ params.W_f.T + params.b_f  # (B, H)
    raw_i = hx @ params.W_i.T + params.b_i
    full = state.n > 0
    # log σ(z) = −log(1 + exp(−z))
    log_f = np.where(full, state.m - np.logaddexp(0, -raw_f, dtype=raw_f.dtype), raw_i)
    kept = full & (log_f >= raw_i)
    m = np.where(kept, log_f, raw_i)
    return _Gates(
        f=np.where(full, np.exp(log_f - m), 0),
        i=np.exp(raw_i - m),
        candidate=np.tanh(hx @ params.W_c.T + params.b_c),
        o=sigmoid(hx @ params.W_o.T + params.b_o),
        m=m,
        kept=kept,
        forget=sigmoid(raw_f),
    )


def slstm_forward(
    xs: Array, params: SLSTMParams, state: SLSTMState | None = None
) -> tuple[Array, SLSTMState]:
    """Run an sLSTM over a batch of sequences.

    Parameters
    ----------
    xs : ndarray, shape (T, B, D)
    params : SLSTMParams
    state : SLSTMState, optional
        Before the first step; the empty memory if omitted.

    Returns
    -------
    hs : ndarray, shape (T, B, H)
        ``hs[t]`` is the hidden state after input ``xs[t]``.
    state : SLSTMState
        After the last step.

    Raises
    ------
    ValueError
        If shapes or dtypes do not fit, T or B is 0, or a weight is NaN.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import SLSTMParams, slstm_forward
    >>> p = SLSTMParams(*[np.zeros((2, 5)), np.ones(2)] * 4)
    >>> hs, state = slstm_forward(np.ones((7, 3, 3)), p)
    >>> hs.shape, (hs[-1] == state.h).all()
    ((7, 3, 2), np.True_)
    """
    states = _states(xs, params, state)
    return np.stack([s.h for s in states[1:]]), states[-1]


def slstm_backward(
    dhs: Array, xs: Array, params: SLSTMParams, state: SLSTMState | None = None
) -> tuple[Array, SLSTMState, SLSTMParams]:
    """Take loss gradients back through `slstm_forward`.

    Parameters
    ----------
    dhs : ndarray, shape (T, B, H)
        Loss gradient of every hidden state.
    xs, params, state
        As given to the forward pass.

    Returns
    -------
    dxs : ndarray, shape (T, B, D)
    dstate : SLSTMState
        Of the state before the first step.
    grads : SLSTMParams
        Summed over time and batch.

    Raises
    ------
    ValueError
        If shapes or dtypes do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import SLSTMParams, slstm_backward
    >>> p = SLSTMParams(*[np.zeros((1, 2)), np.zeros(1)] * 4)
    >>> dxs, dstate, grads = slstm_backward(np.ones((2, 1, 1)), np.ones((2, 1, 1)), p)
    >>> grads.b_c
    array([1.])
    """
    states = _states(xs, params, state)
    check_array("dhs", dhs, (xs.shape[0], *states[0].h.shape))
    dstate = SLSTMState(*(np.zeros_like(value) for value in states[0]))
    grads = SLSTMParams(*(np.zeros_like(value) for value in params))
    dxs = np.empty_like(xs)
    for t in reversed(range(xs.shape[0])):
        dstate = dstate._replace(h=dstate.h + dhs[t])
        dxs[t], dstate, step = slstm_step_backward(dstate, xs[t], states[t], params)
        grads = SLSTMParams(*(g + s for g, s in zip(grads, step, strict=True)))
    return dxs, dstate, grads


def _states(xs: Any, params: SLSTMParams, state: SLSTMState | None) -> list[SLSTMState]:
    """Give the state before the first step and after every one."""
    check_array("xs", xs, ("T", "B", "D"))
    states = [slstm_initial_state(xs.shape[1], params) if state is None else state]
    for x in xs:
        states.append(slstm_step(x, states[-1], params))
    return states


def _check_slstm(x: Any, state: SLSTMState, params: SLSTMParams) -> None:
    if not isinstance(state, SLSTMState):
        raise ValueError(f"expected state as an SLSTMState, got {type(state).__name__}")
    check_step(x, params, SLSTMParams, **state._asdict())
    if (state.n < 0).any() or (state.c[state.n == 0] != 0).any():
        raise ValueError(
            "expected a normaliser n ≥ 0, and c = 0 where n = 0, got a state that is neither "
            "empty nor normalised"
        )
