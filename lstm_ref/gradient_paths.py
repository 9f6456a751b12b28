"""Which way a gradient came: along the memory alone, or through the weights of the gates.

Shapes: ``T`` time, ``B`` batch, ``D`` input size, ``H`` hidden size; sequences are time-major.
"""

from typing import NamedTuple

import numpy as np

from lstm_ref.cells import lstm_step_backward
from lstm_ref.gru import gru_step_backward
from lstm_ref.params import Array, GRUCache, GRUParams, LSTMCache, LSTMParams, RNNCache, RNNParams
from lstm_ref.rnn import rnn_step_backward
from lstm_ref.validation import check_array

__all__ = [
    "GradientPaths",
    "gru_gradient_paths",
    "lstm_gradient_paths",
    "rnn_gradient_paths",
]


class GradientPaths(NamedTuple):
    """The loss gradient of the memory after every step, and the part that met no weight.

    Both ``(T, B, H)``. ``total − highway`` is what came back through at least one weight matrix,
    that is through a gate or a candidate.
    """

    total: Array
    highway: Array


def lstm_gradient_paths(dhs: Array, caches: list[LSTMCache], params: LSTMParams) -> GradientPaths:
    """Split the loss gradient of an LSTM's cell state by the way it came.

    Parameters
    ----------
    dhs : ndarray, shape (T, B, H)
        Loss gradient of every hidden state.
    caches : list of LSTMCache
        The ``T`` caches of `lstm_forward_cached`.
    params : LSTMParams

    Returns
    -------
    GradientPaths
        Of the cell states ``c_1 … c_T``. The highway runs from the loss through one output gate
        into a cell state, and from there back through forget gates only.

    Raises
    ------
    ValueError
        If `dhs` does not fit the caches.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import LSTMParams, lstm_forward_cached
    >>> from lstm_ref.gradient_paths import lstm_gradient_paths
    >>> p = LSTMParams(*[np.zeros((1, 2)), np.zeros(1)] * 4)
    >>> zero = np.zeros((1, 1))
    >>> _, _, caches = lstm_forward_cached(np.zeros((3, 1, 1)), zero, zero, p)
    >>> lstm_gradient_paths(np.array([0.0, 0.0, 1.0]).reshape(3, 1, 1), caches, p).highway[:, 0, 0]
    array([0.125, 0.25 , 0.5  ])
    """
    _check(dhs, caches)
    dh = dc = straight = np.zeros_like(dhs[0])  # (B, H)
    total, highway = np.empty_like(dhs), np.empty_like(dhs)
    for t in reversed(range(len(caches))):
        opening = caches[t].o * (1 - np.tanh(caches[t].c_next) ** 2)  # ∂h_t/∂c_t
        total[t] = dc + (dhs[t] + dh) * opening
        highway[t] = straight + dhs[t] * opening
        _, dh, dc, _ = lstm_step_backward(dhs[t] + dh, dc, caches[t], params)
        straight = highway[t] * caches[t].f
    return GradientPaths(total, highway)


def gru_gradient_paths(dhs: Array, caches: list[GRUCache], params: GRUParams) -> GradientPaths:
    """Split the loss gradient of a GRU's state by the way it came.

    Parameters
    ----------
    dhs : ndarray, shape (T, B, H)
    caches : list of GRUCache
        The ``T`` caches of `gru_forward_cached`.
    params : GRUParams

    Returns
    -------
    GradientPaths
        Of the states ``h_1 … h_T``. The highway runs back through the factors ``1 − z`` only.

    Raises
    ------
    ValueError
        If `dhs` does not fit the caches.
    """
    _check(dhs, caches)
    dh = straight = np.zeros_like(dhs[0])  # (B, H)
    total, highway = np.empty_like(dhs), np.empty_like(dhs)
    for t in reversed(range(len(caches))):
        total[t], highway[t] = dhs[t] + dh, dhs[t] + straight
        _, dh, _ = gru_step_backward(total[t], caches[t], params)
        straight = highway[t] * (1 - caches[t].z)
    return GradientPaths(total, highway)


def rnn_gradient_paths(dhs: Array, caches: list[RNNCache], params: RNNParams) -> GradientPaths:
    """Follow the loss gradient of a plain recurrent network's state.

    Parameters
    ----------
    dhs : ndarray, shape (T, B, H)
    caches : list of RNNCache
        The ``T`` caches of `rnn_forward_cached`.
    params : RNNParams

    Returns
    -------
    GradientPaths
        Of the states ``h_1 … h_T``. There is no highway: only the loss at a step itself reaches
        its state without meeting the weights.

    Raises
    ------
    ValueError
        If `dhs` does not fit the caches.
    """
    _check(dhs, caches)
    dh = np.zeros_like(dhs[0])  # (B, H)
    total = np.empty_like(dhs)
    for t in reversed(range(len(caches))):
        total[t] = dhs[t] + dh
        _, dh, _ = rnn_step_backward(total[t], caches[t], params)
    return GradientPaths(total, dhs.copy())


def _check(dhs: Array, caches: list[LSTMCache] | list[GRUCache] | list[RNNCache]) -> None:
    if len(caches) == 0:
        raise ValueError("expected at least one cache, got an empty list")
    check_array("dhs", dhs, (len(caches), *caches[0].h.shape))
