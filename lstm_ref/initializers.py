"""Where training starts: first weights and biases of every cell.

Shapes
------
``D`` input size, ``H`` hidden size; weights ``(H, H + D)``, biases ``(H,)``. All randomness comes
from the generator passed in. ``dtype`` is float64 unless asked; the numbers are drawn in float64
and rounded, so both precisions start from the same point.
"""

from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from lstm_ref.linear import LinearParams
from lstm_ref.params import (
    Array,
    CoupledParams,
    GRUParams,
    GRUResetAfterParams,
    LSTM1997Params,
    LSTMParams,
    PeepholeParams,
    RNNParams,
)
from lstm_ref.validation import check_generator, check_sizes

__all__ = [
    "init_coupled_params",
    "init_embedding",
    "init_gru_params",
    "init_gru_reset_after_params",
    "init_linear_params",
    "init_lstm1997_params",
    "init_lstm_params",
    "init_peephole_params",
    "init_rnn_params",
    "orthogonal",
    "uniform",
]


def uniform(
    rng: np.random.Generator,
    shape: tuple[int, ...],
    bound: float,
    dtype: DTypeLike = np.float64,
) -> Array:
    """Draw numbers uniformly from ``[−bound, bound)``.

    Parameters
    ----------
    rng : numpy.random.Generator
    shape : tuple of int
    bound : float
        Not negative.
    dtype : dtype, optional

    Returns
    -------
    ndarray, of `shape`

    Raises
    ------
    ValueError
        If `bound` is negative or not finite, `rng` is no generator, or `dtype` not floating.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import uniform
    >>> bool(abs(uniform(np.random.default_rng(0), (1000,), bound=0.1)).max() <= 0.1)
    True
    """
    _check_draw(rng, dtype)
    if not 0 <= bound < float("inf"):
        raise ValueError(f"expected a bound of at least 0, got {bound}")
    return rng.uniform(-bound, bound, size=shape).astype(dtype)


def orthogonal(
    rng: np.random.Generator,
    shape: tuple[int, int],
    gain: float = 1.0,
    dtype: DTypeLike = np.float64,
) -> Array:
    r"""Draw a matrix with orthonormal rows or columns, whichever are fewer.

    Parameters
    ----------
    rng : numpy.random.Generator
    shape : tuple of two int
    gain : float
        Every singular value of the result.
    dtype : dtype, optional

    Returns
    -------
    ndarray, of `shape`

    Raises
    ------
    ValueError
        If `shape` is not two sizes of at least 1, `rng` is no generator, or `dtype` not floating.

    Notes
    -----
    The ``Q`` of ``Q R = A`` with Gaussian ``A``, each column times the sign of ``R``'s diagonal:
    without the sign the result would not be uniform over the orthogonal matrices.

    References
    ----------
    A. M. Saxe, J. L. McClelland, S. Ganguli (2014). Exact Solutions to the Nonlinear Dynamics of
    Learning in Deep Linear Neural Networks. ICLR. — F. Mezzadri (2007). How to Generate Random
    Matrices from the Classical Compact Groups. Notices of the AMS 54(5).

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import orthogonal
    >>> Q = orthogonal(np.random.default_rng(0), (3, 5))
    >>> bool(np.allclose(Q @ Q.T, np.eye(3)))
    True
    """
    _check_draw(rng, dtype)
    if len(shape) != 2 or min(shape) < 1:
        raise ValueError(f"expected a shape of two sizes of at least 1, got {shape}")
    rows, columns = max(shape), min(shape)
    q, r = np.linalg.qr(rng.standard_normal((rows, columns)))
    q = q * np.where(np.diag(r) < 0, -1, 1)
    return (gain * (q if shape[0] >= shape[1] else q.T)).astype(dtype)


def init_lstm_params(
    rng: np.random.Generator,
    input_size: int,
    hidden_size: int,
    forget_bias: float = 1.0,
    dtype: DTypeLike = np.float64,
) -> LSTMParams:
    """Draw the first parameters of an LSTM.

    Parameters
    ----------
    rng : numpy.random.Generator
        The only source of randomness.
    input_size, hidden_size : int
        At least 1.
    forget_bias : float
        Every entry of ``b_f``. 1 keeps the gate about three quarters open at the start; for a lag
        of ``n`` steps a half-life of ``n`` needs about ``log(n / log 2)``.
    dtype : dtype, optional

    Returns
    -------
    LSTMParams
        Weights uniform in ``±1/√H``, drawn independently; the other biases are 0.

    Raises
    ------
    ValueError
        If a size is below 1.

    References
    ----------
    F. A. Gers, J. Schmidhuber, F. Cummins (2000). Learning to Forget: Continual Prediction with
    LSTM. Neural Computation 12(10). — R. Jozefowicz, W. Zaremba, I. Sutskever (2015). An Empirical
    Exploration of Recurrent Network Architectures. ICML.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import init_lstm_params
    >>> p = init_lstm_params(np.random.default_rng(0), input_size=3, hidden_size=2)
    >>> p.W_f.shape, p.b_f, p.b_i
    ((2, 5), array([1., 1.]), array([0., 0.]))
    """
    W_f, W_i, W_c, W_o = _weights(rng, 4, input_size, hidden_size, dtype)
    b_f = np.full(hidden_size, forget_bias, dtype=dtype)
    b_i, b_c, b_o = _zeros(3, hidden_size, dtype)
    return LSTMParams(W_f, b_f, W_i, b_i, W_c, b_c, W_o, b_o)


def init_rnn_params(
    rng: np.random.Generator,
    input_size: int,
    hidden_size: int,
    dtype: DTypeLike = np.float64,
) -> RNNParams:
    """Draw the first parameters of a plain recurrent network.

    Parameters
    ----------
    rng : numpy.random.Generator
    input_size, hidden_size : int
        At least 1.
    dtype : dtype, optional

    Returns
    -------
    RNNParams
        The part of ``W`` acting on ``h`` is orthogonal, so that by itself it neither shrinks nor
        stretches a gradient (the ``tanh′`` after it still shrinks); the part acting on ``x`` is
        uniform in ``±1/√H``, ``b`` is 0.

    Raises
    ------
    ValueError
        If a size is below 1.

    References
    ----------
    M. Henaff, A. Szlam, Y. LeCun (2016). Recurrent Orthogonal Networks and Long-Memory Tasks.
    ICML.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import init_rnn_params
    >>> W, b = init_rnn_params(np.random.default_rng(0), input_size=3, hidden_size=2)
    >>> W.shape, bool(np.allclose(W[:, :2] @ W[:, :2].T, np.eye(2))), b
    ((2, 5), True, array([0., 0.]))
    """
    (W,) = _weights(rng, 1, input_size, hidden_size, dtype)
    W[:, :hidden_size] = orthogonal(rng, (hidden_size, hidden_size), dtype=dtype)
    return RNNParams(W, np.zeros(hidden_size, dtype=dtype))


def init_gru_params(
    rng: np.random.Generator,
    input_size: int,
    hidden_size: int,
    update_bias: float = 0.0,
    dtype: DTypeLike = np.float64,
) -> GRUParams:
    """Draw the first parameters of a GRU.

    Parameters
    ----------
    rng : numpy.random.Generator
    input_size, hidden_size : int
        At least 1.
    update_bias : float
        Every entry of ``b_z``. The gate ``z`` overwrites, so a negative bias remembers longer:
        −1 does what a forget bias of 1 does in an LSTM.
    dtype : dtype, optional

    Returns
    -------
    GRUParams
        Weights uniform in ``±1/√H``, drawn independently; the other biases are 0.

    Raises
    ------
    ValueError
        If a size is below 1.

    References
    ----------
    K. Cho et al. (2014). Learning Phrase Representations using RNN Encoder-Decoder for
    Statistical Machine Translation. EMNLP.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import init_gru_params
    >>> p = init_gru_params(np.random.default_rng(0), 3, 2, update_bias=-1.0)
    >>> p.W_h.shape, p.b_z, p.b_r
    ((2, 5), array([-1., -1.]), array([0., 0.]))
    """
    W_z, W_r, W_h = _weights(rng, 3, input_size, hidden_size, dtype)
    b_z = np.full(hidden_size, update_bias, dtype=dtype)
    b_r, b_h = _zeros(2, hidden_size, dtype)
    return GRUParams(W_z, b_z, W_r, b_r, W_h, b_h)


def init_gru_reset_after_params(
    rng: np.random.Generator,
    input_size: int,
    hidden_size: int,
    update_bias: float = 0.0,
    dtype: DTypeLike = np.float64,
) -> GRUResetAfterParams:
    """Draw the first parameters of a GRU whose reset gate acts after the product.

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
    GRUResetAfterParams
        As `init_gru_params`; both biases of the candidate are 0.

    Raises
    ------
    ValueError
        If a size is below 1.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import init_gru_reset_after_params
    >>> init_gru_reset_after_params(np.random.default_rng(0), 3, 2).b_hh
    array([0., 0.])
    """
    gru = init_gru_params(rng, input_size, hidden_size, update_bias, dtype)
    return GRUResetAfterParams(*gru, np.zeros(hidden_size, dtype=dtype))


def init_coupled_params(
    rng: np.random.Generator,
    input_size: int,
    hidden_size: int,
    forget_bias: float = 1.0,
    dtype: DTypeLike = np.float64,
) -> CoupledParams:
    """Draw the first parameters of an LSTM whose input gate is ``1 − f``.

    Parameters
    ----------
    rng : numpy.random.Generator
    input_size, hidden_size : int
        At least 1.
    forget_bias : float
        Every entry of ``b_f``. It also shuts the input gate.
    dtype : dtype, optional

    Returns
    -------
    CoupledParams
        Weights uniform in ``±1/√H``, drawn independently; the other biases are 0.

    Raises
    ------
    ValueError
        If a size is below 1.

    References
    ----------
    K. Greff, R. K. Srivastava, J. Koutník, B. R. Steunebrink, J. Schmidhuber (2017). LSTM: A
    Search Space Odyssey. IEEE Transactions on Neural Networks and Learning Systems 28(10).

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import init_coupled_params
    >>> init_coupled_params(np.random.default_rng(0), 3, 2).b_f
    array([1., 1.])
    """
    W_f, W_c, W_o = _weights(rng, 3, input_size, hidden_size, dtype)
    b_f = np.full(hidden_size, forget_bias, dtype=dtype)
    b_c, b_o = _zeros(2, hidden_size, dtype)
    return CoupledParams(W_f, b_f, W_c, b_c, W_o, b_o)


def init_peephole_params(
    rng: np.random.Generator,
    input_size: int,
    hidden_size: int,
    forget_bias: float = 1.0,
    dtype: DTypeLike = np.float64,
) -> PeepholeParams:
    """Draw the first parameters of an LSTM with peepholes.

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
    PeepholeParams
        As `init_lstm_params`, the peepholes uniform in ``±1/√H`` too.

    Raises
    ------
    ValueError
        If a size is below 1.

    References
    ----------
    F. A. Gers, J. Schmidhuber (2000). Recurrent Nets that Time and Count. IJCNN.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import init_peephole_params
    >>> init_peephole_params(np.random.default_rng(0), 3, 2).p_o.shape
    (2,)
    """
    lstm = init_lstm_params(rng, input_size, hidden_size, forget_bias, dtype)
    bound = 1 / np.sqrt(hidden_size)
    p_f, p_i, p_o = (uniform(rng, (hidden_size,), bound, dtype) for _ in range(3))
    return PeepholeParams(*lstm, p_f, p_i, p_o)


def init_lstm1997_params(
    rng: np.random.Generator,
    input_size: int,
    hidden_size: int,
    input_bias: float = 0.0,
    output_bias: float = 0.0,
    dtype: DTypeLike = np.float64,
) -> LSTM1997Params:
    """Draw the first parameters of the original cell.

    Parameters
    ----------
    rng : numpy.random.Generator
    input_size, hidden_size : int
        At least 1.
    input_bias, output_bias : float
        Every entry of ``b_i`` and of ``b_o``. The paper starts gates nearly shut with negative
        biases: nothing is forgotten in this cell, so it had better not be written early.
    dtype : dtype, optional

    Returns
    -------
    LSTM1997Params
        Weights uniform in ``±1/√H``, drawn independently; ``b_c`` is 0.

    Raises
    ------
    ValueError
        If a size is below 1.

    References
    ----------
    S. Hochreiter, J. Schmidhuber (1997). Long Short-Term Memory. Neural Computation 9(8).

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import init_lstm1997_params
    >>> init_lstm1997_params(np.random.default_rng(0), 3, 2, input_bias=-3.0).b_i
    array([-3., -3.])
    """
    W_i, W_c, W_o = _weights(rng, 3, input_size, hidden_size, dtype)
    b_i = np.full(hidden_size, input_bias, dtype=dtype)
    b_c = np.zeros(hidden_size, dtype=dtype)
    b_o = np.full(hidden_size, output_bias, dtype=dtype)
    return LSTM1997Params(W_i, b_i, W_c, b_c, W_o, b_o)


def init_linear_params(
    rng: np.random.Generator,
    inputs: int,
    outputs: int,
    dtype: DTypeLike = np.float64,
) -> LinearParams:
    """Draw the first parameters of a linear map.

    Parameters
    ----------
    rng : numpy.random.Generator
    inputs, outputs : int
        ``N`` and ``M``, at least 1.
    dtype : dtype, optional

    Returns
    -------
    LinearParams
        ``W (M, N)`` uniform in ``±1/√N``, ``b (M,)`` zero.

    Raises
    ------
    ValueError
        If a size is below 1.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import init_linear_params
    >>> init_linear_params(np.random.default_rng(0), inputs=4, outputs=2).W.shape
    (2, 4)
    """
    check_sizes(inputs, outputs)
    W = uniform(rng, (outputs, inputs), 1 / np.sqrt(inputs), dtype)
    return LinearParams(W, np.zeros(outputs, dtype=dtype))


def init_embedding(
    rng: np.random.Generator,
    vocabulary_size: int,
    size: int,
    dtype: DTypeLike = np.float64,
) -> Array:
    """Draw the first vectors of an embedding, standard normal.

    Parameters
    ----------
    rng : numpy.random.Generator
    vocabulary_size, size : int
        ``V`` and ``M``, at least 1.
    dtype : dtype, optional

    Returns
    -------
    ndarray, shape (V, M)

    Raises
    ------
    ValueError
        If a size is below 1.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import init_embedding
    >>> init_embedding(np.random.default_rng(0), vocabulary_size=7, size=2).shape
    (7, 2)
    """
    check_sizes(vocabulary_size, size)
    _check_draw(rng, dtype)
    return rng.standard_normal((vocabulary_size, size)).astype(dtype)


def _weights(
    rng: np.random.Generator, count: int, input_size: int, hidden_size: int, dtype: DTypeLike
) -> list[Array]:
    """Independent weights of `count` gates, uniform in ``±1/√H``."""
    check_sizes(input_size, hidden_size)
    shape = (hidden_size, hidden_size + input_size)
    return [uniform(rng, shape, 1 / np.sqrt(hidden_size), dtype) for _ in range(count)]


def _zeros(count: int, size: int, dtype: DTypeLike) -> list[Array]:
    return [np.zeros(size, dtype=dtype) for _ in range(count)]


def _check_draw(rng: Any, dtype: DTypeLike) -> None:
    check_generator(rng)
    if not np.issubdtype(dtype, np.floating):
        raise ValueError(f"expected a floating dtype, got {np.dtype(dtype)}")
