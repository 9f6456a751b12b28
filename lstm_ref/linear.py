"""The layers before and after a recurrent one: embedding and linear map, forward and backward.

Shapes
------
``N`` inputs, ``M`` outputs, ``V`` vocabulary; ``...`` any leading axes, usually ``(T, B)`` or
``(B,)``.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lstm_ref.params import Array
from lstm_ref.validation import check_array

__all__ = [
    "LinearParams",
    "embedding_backward",
    "embedding_forward",
    "linear_backward",
    "linear_forward",
]


class LinearParams(NamedTuple):
    """Weights ``W (M, N)`` and bias ``b (M,)`` of a linear map."""

    W: Array
    b: Array


def linear_forward(x: Array, params: LinearParams) -> Array:
    """Apply a linear map with bias: ``y = W · x + b`` at every position.

    Parameters
    ----------
    x : ndarray, shape (..., N)
    params : LinearParams

    Returns
    -------
    ndarray, shape (..., M)

    Raises
    ------
    ValueError
        If shapes or dtypes do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import LinearParams, linear_forward
    >>> linear_forward(np.array([[1.0, 2.0]]), LinearParams(np.array([[3.0, 4.0]]), np.ones(1)))
    array([[12.]])
    """
    _check_linear(x, params)
    return x @ params.W.T + params.b


def linear_backward(dy: Array, x: Array, params: LinearParams) -> tuple[Array, LinearParams]:
    """Take a loss gradient back through `linear_forward`.

    Parameters
    ----------
    dy : ndarray, shape (..., M)
        Loss gradient of the output.
    x : ndarray, shape (..., N)
        The input of the forward pass.
    params : LinearParams

    Returns
    -------
    dx : ndarray, shape (..., N)
    grads : LinearParams
        Summed over all positions.

    Raises
    ------
    ValueError
        If shapes or dtypes do not fit.

    Notes
    -----
    ``dx = W^T dy``, ``dW = Σ dy x^T``, ``db = Σ dy``.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import LinearParams, linear_backward
    >>> params = LinearParams(np.array([[3.0, 4.0]]), np.ones(1))
    >>> linear_backward(np.ones((1, 1)), np.array([[1.0, 2.0]]), params)
    (array([[3., 4.]]), LinearParams(W=array([[1., 2.]]), b=array([1.])))
    """
    _check_linear(x, params)
    outputs, inputs = params.W.shape
    check_array("dy", dy, (*x.shape[:-1], outputs))
    rows, drows = x.reshape(-1, inputs), dy.reshape(-1, outputs)
    return dy @ params.W, LinearParams(drows.T @ rows, drows.sum(axis=0))


def _check_linear(x: Any, params: LinearParams) -> None:
    check_array("W", params.W, ("M", "N"))
    check_array("b", params.b, (params.W.shape[0],))
    if not isinstance(x, np.ndarray) or x.ndim == 0:
        raise ValueError(f"expected x as an array of shape (..., N), got {type(x).__name__}")
    check_array("x", x, (*x.shape[:-1], params.W.shape[1]))


def embedding_forward(tokens: ArrayLike, E: Array) -> Array:
    """Look up a vector for every token: ``y = E[token]``.

    Parameters
    ----------
    tokens : array_like of int, shape (...)
        From 0 to ``V − 1``.
    E : ndarray, shape (V, M)
        One row a token.

    Returns
    -------
    ndarray, shape (..., M)

    Raises
    ------
    ValueError
        If a token is not in the vocabulary, or shapes or dtypes do not fit.

    References
    ----------
    Y. Bengio, R. Ducharme, P. Vincent, C. Jauvin (2003). A Neural Probabilistic Language Model.
    JMLR 3.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import embedding_forward
    >>> embedding_forward([2, 0], np.array([[1.0, 1.0], [2.0, 2.0], [3.0, 3.0]]))
    array([[3., 3.],
           [1., 1.]])
    """
    check_array("E", E, ("V", "M"))
    return np.take(E, _check_tokens(tokens, E.shape[0]), axis=0)


def embedding_backward(dy: Array, tokens: ArrayLike, vocabulary_size: int) -> Array:
    """Collect the loss gradient of every token's vector.

    Parameters
    ----------
    dy : ndarray, shape (..., M)
        Loss gradient of the output.
    tokens : array_like of int, shape (...)
        As given to the forward pass.
    vocabulary_size : int
        ``V``.

    Returns
    -------
    ndarray, shape (V, M)
        A token that occurs twice receives both gradients; one that does not occur, zero.

    Raises
    ------
    ValueError
        If a token is not in the vocabulary, or shapes or dtypes do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import embedding_backward
    >>> embedding_backward(np.ones((2, 1)), [1, 1], vocabulary_size=3)
    array([[0.],
           [2.],
           [0.]])
    """
    if vocabulary_size < 1:
        raise ValueError(f"expected a vocabulary_size of at least 1, got {vocabulary_size}")
    ids = _check_tokens(tokens, vocabulary_size)
    if not isinstance(dy, np.ndarray) or dy.ndim == 0:
        raise ValueError(f"expected dy as an array of shape (..., M), got {type(dy).__name__}")
    check_array("dy", dy, (*ids.shape, "M"))
    dE = np.zeros((vocabulary_size, dy.shape[-1]), dtype=dy.dtype)  # (V, M)
    np.add.at(dE, ids.reshape(-1), dy.reshape(-1, dy.shape[-1]))
    return dE


def _check_tokens(tokens: ArrayLike, vocabulary_size: int) -> NDArray[np.integer[Any]]:
    ids = np.asarray(tokens)
    if not np.issubdtype(ids.dtype, np.integer):
        raise ValueError(f"expected tokens as integers, got {ids.dtype}")
    bad = ids[(ids < 0) | (ids >= vocabulary_size)]
    if bad.size:
        raise ValueError(f"expected tokens between 0 and {vocabulary_size - 1}, got {bad[0]}")
    return ids
