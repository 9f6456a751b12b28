"""One way of running any cell over time, forward and backward, with sequences of any length.

`lstm_ref.layers` spells the same loop out for the LSTM, to be read; every other cell runs here.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from lstm_ref.params import Array
from lstm_ref.validation import check_array, check_backward, check_lengths, check_sequence

__all__ = ["Cell", "cell_of_h", "cell_of_h_and_c", "unroll", "unroll_backward"]

P = TypeVar("P", bound=tuple[Any, ...])


class Cell(NamedTuple):
    """A cell's two directions; a state is a tuple of ``(B, H)`` arrays, ``h`` first.

    Attributes
    ----------
    kind : NamedTuple type
        Of its parameters.
    forward : callable
        ``(x, state, params) → (state, cache)``.
    backward : callable
        ``(dstate, cache, params) → (dx, dstate, grads)``.
    """

    kind: Any
    forward: Callable[[Array, tuple[Array, ...], Any], tuple[tuple[Array, ...], Any]]
    backward: Callable[[tuple[Array, ...], Any, Any], tuple[Array, tuple[Array, ...], Any]]


def cell_of_h(kind: Any, step_cached: Any, step_backward: Any) -> Cell:
    """Make a `Cell` of the steps of a cell whose state is ``h`` alone.

    Parameters
    ----------
    kind : NamedTuple type
        Of its parameters.
    step_cached : callable
        ``(x, h, params) → (h_next, cache)``, such as `gru_step_cached`.
    step_backward : callable
        ``(dh_next, cache, params) → (dx, dh, grads)``.

    Returns
    -------
    Cell

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import GRUParams, gru_step_backward, gru_step_cached
    >>> from lstm_ref.unroll import cell_of_h, unroll
    >>> cell = cell_of_h(GRUParams, gru_step_cached, gru_step_backward)
    >>> p = GRUParams(*[np.zeros((2, 5)), np.zeros(2)] * 3)
    >>> hs, (h_T,), _ = unroll(cell, np.ones((3, 1, 3)), (np.ones((1, 2)),), p)
    >>> hs[:, 0, 0], h_T
    (array([0.5  , 0.25 , 0.125]), array([[0.125, 0.125]]))
    """

    def forward(x: Array, state: tuple[Array, ...], params: Any) -> Any:
        h_next, cache = step_cached(x, state[0], params)
        return (h_next,), cache

    def backward(dstate: tuple[Array, ...], cache: Any, params: Any) -> Any:
        dx, dh, grads = step_backward(dstate[0], cache, params)
        return dx, (dh,), grads

    return Cell(kind, forward, backward)


def cell_of_h_and_c(kind: Any, step_cached: Any, step_backward: Any) -> Cell:
    """Make a `Cell` of the steps of a cell whose state is ``(h, c)``; its cache has ``c_next``.

    Parameters
    ----------
    kind : NamedTuple type
        Of its parameters.
    step_cached : callable
        ``(x, h, c, params) → (h_next, cache)``, such as `lstm_step_cached`.
    step_backward : callable
        ``(dh_next, dc_next, cache, params) → (dx, dh, dc, grads)``.

    Returns
    -------
    Cell

    Examples
    --------
    >>> from lstm_ref import LSTMParams, lstm_step_backward, lstm_step_cached
    >>> from lstm_ref.unroll import cell_of_h_and_c
    >>> cell_of_h_and_c(LSTMParams, lstm_step_cached, lstm_step_backward).kind.__name__
    'LSTMParams'
    """

    def forward(x: Array, state: tuple[Array, ...], params: Any) -> Any:
        h_next, cache = step_cached(x, *state, params)
        return (h_next, cache.c_next), cache

    def backward(dstate: tuple[Array, ...], cache: Any, params: Any) -> Any:
        dx, dh, dc, grads = step_backward(*dstate, cache, params)
        return dx, (dh, dc), grads

    return Cell(kind, forward, backward)


def _running(lengths: ArrayLike | None, t: int) -> Any:
    return np.True_ if lengths is None else (t < np.asarray(lengths))[:, None]  # (B, 1)


def unroll(
    cell: Cell,
    xs: Array,
    state: tuple[Array, ...],
    params: Any,
    lengths: ArrayLike | None = None,
) -> tuple[Array, tuple[Array, ...], list[Any]]:
    """Run a cell over time; past a sequence's end its state is held and its rows are zero.

    Parameters
    ----------
    cell : Cell
    xs : ndarray, shape (T, B, D)
    state : tuple of ndarray, shape (B, H)
        Initial state, ``h`` first.
    params : NamedTuple
        Of the cell's kind.
    lengths : array_like of int, shape (B,), optional
        How many steps of each sequence count; all of them if omitted.

    Returns
    -------
    hs : ndarray, shape (T, B, H)
    state : tuple of ndarray, shape (B, H)
    caches : list
        One a step.

    Raises
    ------
    ValueError
        If shapes or dtypes do not fit, T or B is 0, a weight is NaN, or a length is negative or
        larger than T.
    """
    check_sequence(xs, params, cell.kind, **dict(zip(("h0", "c0"), state, strict=False)))
    steps, batch_size, _ = xs.shape
    if lengths is not None:
        check_lengths(lengths, steps, batch_size)
    hs = np.zeros((steps, *state[0].shape), dtype=np.result_type(xs, state[0], params[0]))
    state = tuple(array.copy() for array in state)
    caches = []
    for t in range(steps):
        after, cache = cell.forward(xs[t], state, params)
        caches.append(cache)
        running = _running(lengths, t)
        hs[t] = np.where(running, after[0], 0)
        state = tuple(np.where(running, a, b) for a, b in zip(after, state, strict=True))
    return hs, state, caches


def unroll_backward(
    cell: Cell,
    dhs: Array,
    caches: list[Any],
    params: P,
    dstate: tuple[Array | None, ...],
    lengths: ArrayLike | None = None,
) -> tuple[Array, tuple[Array, ...], P]:
    """Take loss gradients back through `unroll`.

    Parameters
    ----------
    cell, caches, params, lengths
        Those of the forward pass.
    dhs : ndarray, shape (T, B, H)
        Loss gradient of every hidden state.
    dstate : tuple of ndarray or None
        Loss gradients of the final states, over and above `dhs`; None is zero.

    Returns
    -------
    dxs : ndarray, shape (T, B, D)
    dstate0 : tuple of ndarray, shape (B, H)
    grads : like params
        Summed over time and batch.

    Raises
    ------
    ValueError
        If the numbers of gradients and caches differ, or shapes do not fit.
    """
    if len(caches) == 0:
        raise ValueError("expected at least one cache, got an empty list")
    check_backward(caches[0], params, cell.kind)
    shape = caches[0].h.shape
    check_array("dhs", dhs, (len(caches), *shape))
    if lengths is not None:
        check_lengths(lengths, len(caches), shape[0])
    carried = tuple(np.zeros_like(dhs[0]) if d is None else d for d in dstate)
    for name, d in zip(("dh_T", "dc_T"), carried, strict=False):
        check_array(name, d, shape)

    dxs = np.zeros((len(caches), *caches[0].x.shape), dtype=dhs.dtype)  # (T, B, D)
    grads = tuple(np.zeros_like(value) for value in params)
    for t in reversed(range(len(caches))):
        running = _running(lengths, t)
        arriving = (dhs[t] + carried[0], *carried[1:])
        dxs[t], before, step_grads = cell.backward(
            tuple(np.where(running, d, 0) for d in arriving), caches[t], params
        )
        grads = tuple(g + s for g, s in zip(grads, step_grads, strict=True))
        carried = tuple(np.where(running, b, d) for b, d in zip(before, carried, strict=True))
    return dxs, carried, type(params)(*grads)
