"""Numbers over time made ready for a network, and its errors judged.

Shapes
------
``N`` rows in time order, ``D`` features, ``K`` windows.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lstm_ref.params import Array

__all__ = ["anomaly_scores", "make_windows", "standardize"]


def standardize(train: ArrayLike, *others: ArrayLike) -> tuple[Array, ...]:
    r"""Bring every feature to zero mean and unit variance, measured on the training part alone.

    Parameters
    ----------
    train : array_like, shape (N, D)
        Any number of leading axes is welcome; features are on the last one. A single series may
        come as ``(N,)``.
    *others : array_like, shape (..., D)
        Validation and test parts. They get the training part's mean and deviation: their own
        would be knowledge of the future.

    Returns
    -------
    tuple of ndarray
        `train` and `others`, floating dtype kept (integers become float64). A feature that is
        constant in `train` is 0 everywhere: there is no scale to measure it by.

    Raises
    ------
    ValueError
        If features do not match, there is no row, or a value is NaN or infinite.

    Notes
    -----
    ``(x − μ) / σ`` with ``σ² = Σ (x − μ)² / N`` (not ``N − 1``).

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import standardize
    >>> train, test = standardize(np.array([[1.0, 7.0], [3.0, 7.0]]), np.array([[5.0, 7.0]]))
    >>> train, test
    (array([[-1.,  0.],
           [ 1.,  0.]]), array([[3., 0.]]))
    """
    parts = [_finite_array("train", train)]
    parts += [_finite_array(f"others[{k}]", other) for k, other in enumerate(others)]
    first = parts[0]
    for k, part in enumerate(parts[1:]):
        if part.ndim == 0 or (first.ndim > 1 and part.shape[-1:] != first.shape[-1:]):
            want = "(N,)" if first.ndim == 1 else f"(..., {first.shape[-1]})"
            raise ValueError(f"expected others[{k}] of shape {want}, got {part.shape}")
    axes = tuple(range(max(first.ndim - 1, 1)))
    constant = first.max(axis=axes) == first.min(axis=axes)
    # In units of the largest entry, squares neither overflow nor vanish.
    unit = np.abs(first).max(axis=axes).astype(np.float64)
    unit = np.where(unit == 0, 1, unit)
    scaled = first / unit
    mean = scaled.mean(axis=axes)
    deviation = np.where(constant, 1, scaled.std(axis=axes))
    with np.errstate(over="ignore"):
        return tuple(
            np.where(constant, 0, (part / unit - mean) / deviation).astype(part.dtype)
            for part in parts
        )


def make_windows(series: Array, window: int, horizon: int) -> tuple[Array, Array]:
    """Cut a series into every window that has a target.

    Parameters
    ----------
    series : ndarray, shape (N, D)
        In time order.
    window : int
        Rows a window, at least 1.
    horizon : int
        How many steps after the window's last row its target lies, at least 1.

    Returns
    -------
    X : ndarray, shape (K, window, D)
        ``X[k] = series[k : k + window]``, ``K = N − window − horizon + 1``. (Batch-major; a layer
        takes ``X.transpose(1, 0, 2)``.)
    y : ndarray, shape (K, D)
        ``y[k] = series[k + window − 1 + horizon]``, strictly after the window.

    Raises
    ------
    ValueError
        If the series is too short for a single window, not ``(N, D)``, or a number is below 1.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import make_windows
    >>> X, y = make_windows(np.arange(6.0)[:, None], window=3, horizon=2)
    >>> X[:, :, 0], y[:, 0]
    (array([[0., 1., 2.],
           [1., 2., 3.]]), array([4., 5.]))
    """
    series = np.asarray(series)
    if series.ndim != 2:
        raise ValueError(f"expected series of shape (N, D), got {series.shape}")
    for name, number in (("window", window), ("horizon", horizon)):
        if number != int(number) or number < 1:
            raise ValueError(f"expected a {name} of at least 1, got {number}")
    window, horizon = int(window), int(horizon)
    count = series.shape[0] - window - horizon + 1
    if count < 1:
        raise ValueError(
            f"expected at least window + horizon = {window + horizon} rows, got {series.shape[0]}"
        )
    starts = np.arange(count)[:, None] + np.arange(window)  # (K, window)
    return series[starts], series[window - 1 + horizon :].copy()


def anomaly_scores(errors: ArrayLike, mean: ArrayLike, covariance: ArrayLike) -> Array:
    r"""Measure how unusual each error vector is: its squared Mahalanobis distance.

    Parameters
    ----------
    errors : array_like, shape (N, D)
        Prediction errors to be judged.
    mean : array_like, shape (D,)
        Mean of the errors on normal data.
    covariance : array_like, shape (D, D)
        Their covariance: symmetric, positive definite.

    Returns
    -------
    ndarray, shape (N,)
        At least 0; on Gaussian errors, χ²-distributed with ``D`` degrees of freedom.

    Raises
    ------
    ValueError
        If shapes do not fit, a value is not finite, or `covariance` is not symmetric and positive
        definite. Then a small multiple of the identity may be added to it.

    Notes
    -----
    ``s = (e − μ)^T Σ^{-1} (e − μ)``, computed without an inverse: with the Cholesky factor
    ``Σ = L L^T`` it is ``‖L^{-1} (e − μ)‖²``.

    References
    ----------
    P. C. Mahalanobis (1936). On the Generalised Distance in Statistics. Proceedings of the
    National Institute of Sciences of India 2. — P. Malhotra, L. Vig, G. Shroff, P. Agarwal
    (2015). Long Short Term Memory Networks for Anomaly Detection in Time Series. ESANN.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref import anomaly_scores
    >>> anomaly_scores(np.array([[2.0, 0.0], [0.0, 2.0]]), np.zeros(2), np.diag([1.0, 4.0]))
    array([4., 1.])
    """
    e, mu, sigma = (
        _finite_array(name, value)
        for name, value in (("errors", errors), ("mean", mean), ("covariance", covariance))
    )
    if e.ndim != 2:
        raise ValueError(f"expected errors of shape (N, D), got {e.shape}")
    features = e.shape[1]
    for name, value, shape in (
        ("mean", mu, (features,)),
        ("covariance", sigma, (features, features)),
    ):
        if value.shape != shape:
            raise ValueError(f"expected {name} of shape {shape}, got {value.shape}")
    if not np.allclose(sigma, sigma.T, rtol=0, atol=1e-6 * np.abs(sigma).max()):
        raise ValueError("expected a symmetric covariance, got one that differs from its transpose")
    try:
        factor = np.linalg.cholesky(sigma.astype(np.float64))  # (D, D)
    except np.linalg.LinAlgError:
        smallest = np.linalg.eigvalsh(sigma.astype(np.float64))[0]
        raise ValueError(
            f"expected a positive definite covariance, got smallest eigenvalue {smallest:g}"
        ) from None
    with np.errstate(over="ignore"):
        white = np.linalg.solve(factor, (e - mu).astype(np.float64).T)  # (D, N)
        return np.asarray((white**2).sum(axis=0).astype(e.dtype))


def _finite_array(name: str, value: ArrayLike) -> NDArray[Any]:
    """Read an array of finite floats (integers become float64) with at least one entry."""
    array = np.asarray(value)
    if array.dtype == bool or np.issubdtype(array.dtype, np.integer):
        array = array.astype(np.float64)
    if not np.issubdtype(array.dtype, np.floating):
        raise ValueError(f"expected {name} as numbers, got {array.dtype}")
    if array.ndim == 0 or array.size == 0:
        raise ValueError(f"expected {name} with at least one row, got shape {array.shape}")
    if not np.isfinite(array).all():
        bad = int((~np.isfinite(array)).sum())
        raise ValueError(f"expected finite numbers in {name}, got {bad} NaN or inf")
    return array
