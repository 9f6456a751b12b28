"""What a network is judged by: losses with their gradients, and drawing from a softmax.

Shapes
------
``T`` time, ``B`` batch, ``V`` classes, ``M`` output size. Every loss is a mean over the positions
that count, returned as a float together with its gradient; a mask is true where a position
counts. Where a mask leaves nothing, the loss is 0 and so is the gradient: a stretch of padding
teaches nothing.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lstm_ref.params import Array

__all__ = [
    "gaussian_nll",
    "log_softmax",
    "mse",
    "sample_token",
    "softmax",
    "softmax_cross_entropy",
]


def log_softmax(logits: Array) -> Array:
    """Logarithm of the softmax over the last axis, safe for any finite logits.

    Parameters
    ----------
    logits : ndarray, shape (..., V)

    Returns
    -------
    ndarray, shape (..., V)
        Values of at most 0, dtype kept.

    Raises
    ------
    ValueError
        If `logits` is not an array of floats, or an axis is empty.

    Notes
    -----
    The largest logit is taken off first, ``log p_k = z_k − m − log Σ_j exp(z_j − m)``, so no
    exponential exceeds 1.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import log_softmax
    >>> log_softmax(np.array([1000.0, 0.0]))
    array([    0., -1000.])
    """
    _check_floats("logits", logits)
    with np.errstate(over="ignore"):  # a difference beyond the largest float is −inf: p = 0
        shifted = logits - logits.max(axis=-1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True)))


def softmax(logits: Array) -> Array:
    """Turn logits into probabilities over the last axis, ``p_k = exp(z_k) / Σ_j exp(z_j)``.

    Parameters
    ----------
    logits : ndarray, shape (..., V)

    Returns
    -------
    ndarray, shape (..., V)
        Non-negative, sums to 1, dtype kept.

    Raises
    ------
    ValueError
        If `logits` is not an array of floats, or an axis is empty.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import softmax
    >>> softmax(np.array([1000.0, 1000.0, -1000.0]))
    array([0.5, 0.5, 0. ])
    """
    _check_floats("logits", logits)
    with np.errstate(over="ignore"):
        e = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(e / e.sum(axis=-1, keepdims=True))


def softmax_cross_entropy(
    logits: Array, targets: ArrayLike, mask: ArrayLike | None = None
) -> tuple[float, Array]:
    r"""Mean cross-entropy of the true classes, and its gradient.

    Parameters
    ----------
    logits : ndarray, shape (T, B, V)
        Any number of leading axes is welcome.
    targets : array_like of int, shape (T, B)
        Classes from 0 to ``V − 1``; whatever stands at a masked position is ignored.
    mask : array_like of bool, shape (T, B), optional
        True where a position counts. All count if omitted.

    Returns
    -------
    loss : float
        In nats. 0 if the mask leaves no position.
    dlogits : ndarray, shape (T, B, V)
        Gradient of the loss, zero at masked positions.

    Raises
    ------
    ValueError
        If shapes or dtypes do not fit, an axis is empty, or a counting target is not a class.

    Notes
    -----
    With ``n`` counting positions, and ``y`` the one-hot target:

    .. math::
        L = -\frac{1}{n} \sum_{t,b} \log p_{t,b,y_{t,b}}, \qquad
        \frac{∂L}{∂z} = \frac{p - y}{n}

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import softmax_cross_entropy
    >>> loss, dlogits = softmax_cross_entropy(np.zeros((1, 2, 4)), [[0, 3]], mask=[[True, False]])
    >>> round(loss, 6), dlogits[0, 0], dlogits[0, 1].any()
    (1.386294, array([-0.75,  0.25,  0.25,  0.25]), np.False_)
    """
    _check_floats("logits", logits)
    targets = np.asarray(targets)
    if targets.shape != logits.shape[:-1]:
        raise ValueError(f"expected targets of shape {logits.shape[:-1]}, got {targets.shape}")
    if not np.issubdtype(targets.dtype, np.integer):
        raise ValueError(f"expected targets as integers, got {targets.dtype}")
    counts = _as_mask(mask, targets.shape)
    classes = logits.shape[-1]
    wrong = targets[counts & ((targets < 0) | (targets >= classes))]
    if wrong.size:
        raise ValueError(f"expected targets between 0 and {classes - 1}, got {wrong[0]}")

    n = max(int(counts.sum()), 1)
    labels = np.where(counts, targets, 0)[..., None]  # (T, B, 1)
    log_p = log_softmax(logits)  # (T, B, V)
    picked = np.take_along_axis(log_p, labels, axis=-1)[..., 0]  # (T, B)
    one_hot = np.arange(classes) == labels  # (T, B, V)
    dlogits = np.where(counts[..., None], np.exp(log_p) - one_hot, 0) / n
    return _mean(-picked, counts, n), dlogits.astype(logits.dtype)


def mse(
    predictions: Array, targets: ArrayLike, mask: ArrayLike | None = None
) -> tuple[float, Array]:
    r"""Mean squared error over all entries, and its gradient.

    Parameters
    ----------
    predictions : ndarray, shape (..., M)
    targets : array_like, shape (..., M)
    mask : array_like of bool, shape (...), optional
        True where a position, with all its ``M`` entries, counts.

    Returns
    -------
    loss : float
        0 if the mask leaves no position.
    dpredictions : ndarray, shape (..., M)

    Raises
    ------
    ValueError
        If shapes or dtypes do not fit, or an axis is empty.

    Notes
    -----
    Over ``n`` counting entries ``L = Σ (ŷ − y)² / n`` and ``∂L/∂ŷ = 2 (ŷ − y) / n``.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import mse
    >>> mse(np.array([[1.0, 3.0]]), [[1.0, 1.0]])
    (2.0, array([[0., 2.]]))
    """
    _check_floats("predictions", predictions)
    targets = _as_targets(targets, predictions)
    counts = np.broadcast_to(
        _as_mask(mask, predictions.shape[:-1])[..., None], predictions.shape
    )  # (..., M)
    n = max(int(counts.sum()), 1)
    with np.errstate(over="ignore"):  # beyond the largest float the loss is inf, and says so
        error = np.where(counts, predictions - targets, 0)
        return _mean(error**2, counts, n), (error * (2 / n)).astype(predictions.dtype)


def gaussian_nll(
    mean: Array, log_variance: Array, targets: ArrayLike, mask: ArrayLike | None = None
) -> tuple[float, tuple[Array, Array]]:
    r"""Mean negative log-likelihood under a Gaussian of predicted mean and log-variance.

    Parameters
    ----------
    mean, log_variance : ndarray, shape (..., M)
        ``s = log σ²`` is what the network predicts: any number is allowed, σ² stays positive.
    targets : array_like, shape (..., M)
    mask : array_like of bool, shape (...), optional
        True where a position, with all its ``M`` entries, counts.

    Returns
    -------
    loss : float
        In nats an entry, the constant ``½ log 2π`` included. 0 if the mask leaves no position.
    (dmean, dlog_variance) : tuple of ndarray, shape (..., M)

    Raises
    ------
    ValueError
        If shapes or dtypes do not fit, or an axis is empty.

    Notes
    -----
    .. math::
        L &= \frac{1}{n} \sum ½ \left( \log 2π + s + (y - μ)^2 e^{-s} \right) \\
        \frac{∂L}{∂μ} &= \frac{(μ - y) e^{-s}}{n}, \qquad
        \frac{∂L}{∂s} = \frac{1 - (y - μ)^2 e^{-s}}{2n}

    References
    ----------
    D. A. Nix, A. S. Weigend (1994). Estimating the Mean and Variance of the Target Probability
    Distribution. ICNN.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import gaussian_nll
    >>> loss, (dmean, ds) = gaussian_nll(np.zeros((1, 1)), np.zeros((1, 1)), [[2.0]])
    >>> round(loss, 6), dmean, ds
    (2.918939, array([[-2.]]), array([[-1.5]]))
    """
    _check_floats("mean", mean)
    _check_floats("log_variance", log_variance)
    if log_variance.shape != mean.shape:
        raise ValueError(f"expected log_variance of shape {mean.shape}, got {log_variance.shape}")
    targets = _as_targets(targets, mean)
    counts = np.broadcast_to(_as_mask(mask, mean.shape[:-1])[..., None], mean.shape)  # (..., M)
    n = max(int(counts.sum()), 1)
    with np.errstate(over="ignore", invalid="ignore"):  # a hopeless variance costs inf
        error = np.where(counts, mean - targets, 0)
        inverse = np.exp(-log_variance)
        # Zero error under zero variance is no error: 0 · inf must not become NaN.
        pull = np.where(error == 0, 0, error * inverse)  # (μ − y) e^(−s)
        squared = np.where(error == 0, 0, error * pull)
        each = 0.5 * (math.log(2 * math.pi) + log_variance + squared)
        dmean = pull / n
        dlog_variance = np.where(counts, 0.5 * (1 - squared), 0) / n
        loss = _mean(each, counts, n)
    return loss, (dmean.astype(mean.dtype), dlog_variance.astype(log_variance.dtype))


def sample_token(logits: Array, temperature: float, rng: np.random.Generator) -> int:
    """Draw a class from ``softmax(logits / temperature)``.

    Parameters
    ----------
    logits : ndarray, shape (V,)
    temperature : float
        Above 1 flattens the distribution, below 1 sharpens it; 0 takes the largest logit (the
        first of equals) and draws nothing.
    rng : numpy.random.Generator
        The only source of randomness.

    Returns
    -------
    int
        From 0 to ``V − 1``.

    Raises
    ------
    ValueError
        If `logits` is not a non-empty row of numbers or `temperature` is negative.

    References
    ----------
    D. H. Ackley, G. E. Hinton, T. J. Sejnowski (1985). A Learning Algorithm for Boltzmann
    Machines. Cognitive Science 9(1), for the temperature.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import sample_token
    >>> sample_token(np.array([0.1, 2.0, 0.3]), 0.0, np.random.default_rng(0))
    1
    """
    _check_floats("logits", logits)
    if logits.ndim != 1:
        raise ValueError(f"expected logits of shape (V,), got {logits.shape}")
    if np.isnan(logits).any():
        raise ValueError(f"expected numbers in logits, got {np.isnan(logits).sum()} NaN")
    if not temperature >= 0:
        raise ValueError(f"expected a temperature of at least 0, got {temperature}")
    if temperature == 0:
        return int(np.argmax(logits))
    wide = logits.astype(np.float64)
    with np.errstate(over="ignore"):
        p = softmax((wide - wide.max()) / temperature)  # (V,)
    return int(rng.choice(p.size, p=p))


def _mean(each: Array, counts: NDArray[np.bool_], n: int) -> float:
    return float(np.where(counts, each, 0).sum(dtype=np.float64) / n)


def _check_floats(name: str, value: Any) -> None:
    if not isinstance(value, np.ndarray) or value.ndim == 0:
        raise ValueError(f"expected {name} as an array, got {type(value).__name__}")
    if not np.issubdtype(value.dtype, np.floating):
        raise ValueError(f"expected {name} of a floating dtype, got {value.dtype}")
    if value.size == 0:
        raise ValueError(f"expected {name} without empty axes, got shape {value.shape}")


def _as_targets(targets: ArrayLike, predictions: Array) -> Array:
    """Targets as floats of the predictions' dtype, shape checked."""
    converted = np.asarray(targets)
    if converted.shape != predictions.shape:
        raise ValueError(f"expected targets of shape {predictions.shape}, got {converted.shape}")
    if not np.issubdtype(converted.dtype, np.number):
        raise ValueError(f"expected targets as numbers, got {converted.dtype}")
    return converted.astype(predictions.dtype)


def _as_mask(mask: ArrayLike | None, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Read a mask as booleans; all true if there is none."""
    if mask is None:
        return np.ones(shape, dtype=bool)
    converted = np.asarray(mask)
    if converted.shape != shape:
        raise ValueError(f"expected mask of shape {shape}, got {converted.shape}")
    if converted.dtype != bool and not np.isin(converted, (0, 1)).all():
        raise ValueError(f"expected a mask of booleans, got {converted.dtype} other than 0 and 1")
    return converted.astype(bool)
