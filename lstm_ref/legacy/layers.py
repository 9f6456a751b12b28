"""The recurrent descendants as layers of a `SequenceModel`: minGRU, minLSTM and sLSTM.

Shapes
------
``T`` time, ``B`` batch, ``D`` input size, ``H`` hidden size.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from lstm_ref.initializers import init_lstm_params, uniform
from lstm_ref.legacy.minimal import (
    MinGRUParams,
    MinLSTMParams,
    min_gru_backward,
    min_gru_forward,
    min_lstm_backward,
    min_lstm_forward,
)
from lstm_ref.legacy.slstm import (
    SLSTMParams,
    SLSTMState,
    slstm_backward,
    slstm_forward,
    slstm_initial_state,
)
from lstm_ref.params import Array
from lstm_ref.sequence_model import Layer, LayerOutput
from lstm_ref.validation import check_array, check_lengths, check_sizes

__all__ = [
    "init_min_gru_params",
    "init_min_lstm_params",
    "init_slstm_params",
    "min_gru_layer",
    "min_lstm_layer",
    "slstm_layer",
]


# --- first parameters -----------------------------------------------------------------------------


def init_min_gru_params(
    rng: np.random.Generator,
    input_size: int,
    hidden_size: int,
    update_bias: float = 0.0,
    dtype: DTypeLike = np.float64,
) -> MinGRUParams:
    """Draw the first parameters of a minGRU.

    Parameters
    ----------
    rng : numpy.random.Generator
    input_size, hidden_size : int
        At least 1.
    update_bias : float
        Every entry of ``b_z``; negative remembers longer.
    dtype : dtype, optional

    Returns
    -------
    MinGRUParams
        Weights uniform in ``±1/√D``, drawn independently; the other bias is 0.

    Raises
    ------
    ValueError
        If a size is below 1.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import init_min_gru_params
    >>> p = init_min_gru_params(np.random.default_rng(0), 3, 2, update_bias=-1.0)
    >>> p.W_z.shape, p.b_z
    ((2, 3), array([-1., -1.]))
    """
    W_z, W_h = _input_weights(rng, 2, input_size, hidden_size, dtype)
    b_z = np.full(hidden_size, update_bias, dtype=dtype)
    return MinGRUParams(W_z, b_z, W_h, np.zeros(hidden_size, dtype=dtype))


def init_min_lstm_params(
    rng: np.random.Generator,
    input_size: int,
    hidden_size: int,
    forget_bias: float = 0.0,
    dtype: DTypeLike = np.float64,
) -> MinLSTMParams:
    """Draw the first parameters of a minLSTM.

    Parameters
    ----------
    rng : numpy.random.Generator
    input_size, hidden_size : int
        At least 1.
    forget_bias : float
        Every entry of ``b_f``, and minus every entry of ``b_i``; positive remembers longer.
    dtype : dtype, optional

    Returns
    -------
    MinLSTMParams
        Weights uniform in ``±1/√D``, drawn independently; ``b_h`` is 0.

    Raises
    ------
    ValueError
        If a size is below 1.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import init_min_lstm_params
    >>> p = init_min_lstm_params(np.random.default_rng(0), 3, 2, forget_bias=1.0)
    >>> p.b_f, p.b_i
    (array([1., 1.]), array([-1., -1.]))
    """
    W_f, W_i, W_h = _input_weights(rng, 3, input_size, hidden_size, dtype)
    b_f = np.full(hidden_size, forget_bias, dtype=dtype)
    return MinLSTMParams(W_f, b_f, W_i, -b_f, W_h, np.zeros(hidden_size, dtype=dtype))


def init_slstm_params(
    rng: np.random.Generator,
    input_size: int,
    hidden_size: int,
    forget_bias: float = 1.0,
    dtype: DTypeLike = np.float64,
) -> SLSTMParams:
    """Draw the first parameters of an sLSTM.

    Parameters
    ----------
    rng : numpy.random.Generator
    input_size, hidden_size : int
        At least 1.
    forget_bias : float
        Every entry of ``b_f``.
    dtype : dtype, optional

    Returns
    -------
    SLSTMParams
        Weights uniform in ``±1/√H``, drawn independently; the other biases are 0.

    Raises
    ------
    ValueError
        If a size is below 1.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import init_slstm_params
    >>> init_slstm_params(np.random.default_rng(0), 3, 2).W_i.shape
    (2, 5)
    """
    return SLSTMParams(*init_lstm_params(rng, input_size, hidden_size, forget_bias, dtype))


def _input_weights(
    rng: np.random.Generator, count: int, input_size: int, hidden_size: int, dtype: DTypeLike
) -> list[Array]:
    """Draw weights that act on the input alone, uniform in ``±1/√D``."""
    check_sizes(input_size, hidden_size)
    bound = 1 / np.sqrt(input_size)
    return [uniform(rng, (hidden_size, input_size), bound, dtype) for _ in range(count)]


# --- layers ---------------------------------------------------------------------------------------


def min_gru_layer(update_bias: float = 0.0) -> Layer:
    """Make a minGRU layer for a `SequenceModel`.

    Parameters
    ----------
    update_bias : float
        As in `init_min_gru_params`.

    Returns
    -------
    Layer

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import min_gru_layer
    >>> layer = min_gru_layer()
    >>> params = layer.init(np.random.default_rng(0), 3, 5)
    >>> layer.forward(np.ones((7, 2, 3)), params).hs.shape
    (7, 2, 5)
    """

    def init(rng: Any, input_size: int, hidden_size: int, dtype: DTypeLike = np.float64) -> Any:
        return init_min_gru_params(rng, input_size, hidden_size, update_bias, dtype)

    return _minimal_layer(init, min_gru_forward, min_gru_backward)


def min_lstm_layer(forget_bias: float = 0.0) -> Layer:
    """Make a minLSTM layer with normalised gates for a `SequenceModel`.

    Parameters
    ----------
    forget_bias : float
        As in `init_min_lstm_params`.

    Returns
    -------
    Layer

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import min_lstm_layer
    >>> min_lstm_layer().init(np.random.default_rng(0), 3, 5).W_i.shape
    (5, 3)
    """

    def init(rng: Any, input_size: int, hidden_size: int, dtype: DTypeLike = np.float64) -> Any:
        return init_min_lstm_params(rng, input_size, hidden_size, forget_bias, dtype)

    return _minimal_layer(init, min_lstm_forward, min_lstm_backward)


def slstm_layer(forget_bias: float = 1.0) -> Layer:
    """Make an sLSTM layer for a `SequenceModel`.

    Parameters
    ----------
    forget_bias : float
        As in `init_slstm_params`.

    Returns
    -------
    Layer
        With lengths it gives no state to go on from.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import slstm_layer
    >>> slstm_layer().init(np.random.default_rng(0), 3, 5).W_i.shape
    (5, 8)
    """

    def init(rng: Any, input_size: int, hidden_size: int, dtype: DTypeLike = np.float64) -> Any:
        return init_slstm_params(rng, input_size, hidden_size, forget_bias, dtype)

    def start(params: Any, batch_size: int) -> SLSTMState:
        return slstm_initial_state(batch_size, params)

    def forward(
        xs: Array, params: Any, lengths: Any = None, state: Any = None, rng: Any = None
    ) -> LayerOutput:
        hs, after = slstm_forward(xs, params, state)
        h0 = np.zeros_like(hs[0]) if state is None else state.h
        ends = _ends(lengths, hs)
        kept, last = _cut(hs, h0, ends)
        return LayerOutput(
            kept, last, after if lengths is None else None, (xs, params, state, ends)
        )

    def backward(dhs: Array, dlast: Array | None, tape: Any) -> tuple[Array, Any]:
        xs, params, state, ends = tape
        dxs, _, grads = slstm_backward(_join(dhs, dlast, ends), xs, params, state)
        return dxs, grads

    return Layer(init, start, forward, backward, lambda hidden_size: hidden_size)


def _minimal_layer(
    init: Any, run: Callable[..., Array], run_back: Callable[..., tuple[Array, Array, Any]]
) -> Layer:
    def start(params: Any, batch_size: int) -> tuple[Array]:
        bias = params[1]  # (H,)
        return (np.zeros((batch_size, len(bias)), dtype=bias.dtype),)

    def forward(
        xs: Array, params: Any, lengths: Any = None, state: Any = None, rng: Any = None
    ) -> LayerOutput:
        check_array("xs", xs, ("T", "B", "D"))
        (h0,) = start(params, xs.shape[1]) if state is None else state
        hs = run(xs, h0, params)
        ends = _ends(lengths, hs)
        kept, last = _cut(hs, h0, ends)
        return LayerOutput(kept, last, (last,), (xs, h0, params, ends))

    def backward(dhs: Array, dlast: Array | None, tape: Any) -> tuple[Array, Any]:
        xs, h0, params, ends = tape
        dxs, _, grads = run_back(_join(dhs, dlast, ends), xs, h0, params)
        return dxs, grads

    return Layer(init, start, forward, backward, lambda hidden_size: hidden_size)


def _ends(lengths: ArrayLike | None, hs: Array) -> NDArray[np.integer[Any]]:
    """Give every sequence's length; the whole time if there are none."""
    if lengths is None:
        return np.full(hs.shape[1], hs.shape[0])
    check_lengths(lengths, hs.shape[0], hs.shape[1])
    return np.asarray(lengths)


def _cut(hs: Array, h0: Array, ends: NDArray[np.integer[Any]]) -> tuple[Array, Array]:
    """Zero the states past each sequence's end, and pick the last before it.

    A state depends on the steps up to its own alone, so running on past the end did no harm.
    """
    running = (np.arange(len(hs))[:, None] < ends)[:, :, None]  # (T, B, 1)
    last = np.where((ends > 0)[:, None], hs[ends - 1, np.arange(len(ends))], h0)
    return np.where(running, hs, 0), last


def _join(dhs: Array, dlast: Array | None, ends: NDArray[np.integer[Any]]) -> Array:
    """Turn the gradients that `_cut`'s results received into those of all states."""
    running = (np.arange(len(dhs))[:, None] < ends)[:, :, None]
    joined = np.where(running, dhs, 0)
    if dlast is not None:
        some = np.flatnonzero(ends > 0)
        joined[ends[some] - 1, some] += dlast[some]
    return joined
