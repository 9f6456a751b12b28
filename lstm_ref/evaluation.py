"""Forecasts and alarms judged: losses of variances, a test of equal accuracy, precision and recall.

Shapes
------
``N`` forecasts, or moments of time that are judged.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lstm_ref.params import Array
from lstm_ref.validation import as_floating, check_at_least

__all__ = ["DieboldMariano", "average_precision", "diebold_mariano", "precision_recall", "qlike"]


def qlike(forecast: ArrayLike, variance: ArrayLike) -> Array:
    r"""Judge forecasts of a variance by what was measured, in units of neither.

    Parameters
    ----------
    forecast, variance : array_like, shape (...)
        Both positive, in the same unit.

    Returns
    -------
    ndarray, shape (...)
        0 where they are equal, positive elsewhere.

    Raises
    ------
    ValueError
        If shapes differ, or a number is not positive and finite.

    Notes
    -----
    .. math:: q = \frac{v}{f} - \ln \frac{v}{f} - 1

    Only the ratio counts, so a calm day weighs as much as a stormy one. What was measured may be
    a noisy stand-in for the true variance: as long as it is right on average, the expected loss
    still has its least value at the best forecast.

    References
    ----------
    A. J. Patton (2011). Volatility Forecast Comparison Using Imperfect Volatility Proxies. Journal
    of Econometrics 160(1).

    Examples
    --------
    >>> from lstm_ref import qlike
    >>> qlike([1.0, 2.0], [1.0, 1.0]).round(4)
    array([0.    , 0.1931])
    """
    f, v = _positive("forecast", forecast), _positive("variance", variance)
    if f.shape != v.shape:
        raise ValueError(f"expected forecast of shape {v.shape}, got {f.shape}")
    ratio = v / f
    return np.asarray(ratio - np.log(ratio) - 1)


class DieboldMariano(NamedTuple):
    """What `diebold_mariano` finds.

    ``difference`` is the mean of the first losses minus that of the second, ``error`` its standard
    error, ``statistic`` their ratio, and ``p_value`` how often chance alone would bring one at
    least as far from 0, were both forecasts equally good.
    """

    difference: float
    error: float
    statistic: float
    p_value: float


def diebold_mariano(
    losses: ArrayLike, others: ArrayLike, lags: int | None = None
) -> DieboldMariano:
    r"""Test whether two forecasts of the same days are equally good on average.

    Parameters
    ----------
    losses, others : array_like, shape (N,)
        Loss of each forecast, in the order of time.
    lags : int, optional
        Up to which lag differences may depend on each other, from 0 to ``N − 1``. If omitted,
        ``⌊4 (N / 100)^{2/9}⌋``.

    Returns
    -------
    DieboldMariano
        A positive statistic speaks for `others`.

    Raises
    ------
    ValueError
        If shapes differ, there are fewer than two losses, one is not finite, `lags` is out of
        range, or all differences are equal.

    Notes
    -----
    With :math:`d_n` the difference of the losses and :math:`γ_k` its autocovariance at lag k,

    .. math::
        S = γ_0 + 2 \sum_{k=1}^{K} \left( 1 - \frac{k}{K + 1} \right) γ_k, \qquad
        \mathrm{statistic} = \frac{\bar d}{\sqrt{S / N}}

    is standard normal for large N if both forecasts are equally good. The falling weights keep S
    positive. Days of a crisis follow each other, so do large differences: with ``lags=0`` the test
    would find too much.

    References
    ----------
    F. X. Diebold, R. S. Mariano (1995). Comparing Predictive Accuracy. Journal of Business &
    Economic Statistics 13(3). W. K. Newey, K. D. West (1987). A Simple, Positive Semi-Definite,
    Heteroskedasticity and Autocorrelation Consistent Covariance Matrix. Econometrica 55(3).

    Examples
    --------
    >>> from lstm_ref import diebold_mariano
    >>> test = diebold_mariano([3.0, 2.0, 4.0, 3.0], [2.0, 2.0, 2.0, 2.0], lags=0)
    >>> test.difference, round(test.statistic, 3), round(test.p_value, 4)
    (1.0, 2.828, 0.0047)
    """
    a, b = _finite_row("losses", losses), _finite_row("others", others)
    if a.shape != b.shape or len(a) < 2:
        raise ValueError(
            f"expected losses and others of one shape (N,) with N ≥ 2, got {a.shape} and {b.shape}"
        )
    n = len(a)
    lags = int(4 * (n / 100) ** (2 / 9)) if lags is None else lags
    check_at_least(0, lags=lags)
    if lags >= n:
        raise ValueError(f"expected lags below {n}, got {lags}")
    difference = a - b
    mean = float(difference.mean())
    d = difference - mean
    spread = d @ d / n + 2 * sum(
        (1 - k / (lags + 1)) * (d[k:] @ d[:-k]) / n for k in range(1, lags + 1)
    )
    if not spread > 1e-24 * float(np.abs(difference).max()) ** 2:
        raise ValueError("expected differences that vary, got the same one every time")
    error = math.sqrt(spread / n)
    return DieboldMariano(mean, error, mean / error, math.erfc(abs(mean / error) / math.sqrt(2)))


def precision_recall(labels: ArrayLike, alarms: ArrayLike) -> tuple[float, float]:
    """Say how many of the alarms are right, and how much of what should raise one did.

    Parameters
    ----------
    labels : array_like of bool, shape (N,)
        True where something is to be found.
    alarms : array_like of bool, shape (N,)

    Returns
    -------
    precision : float
        Share of the alarms that are right; NaN if there are none.
    recall : float
        Share of what was to be found that raised an alarm.

    Raises
    ------
    ValueError
        If shapes differ, values are not booleans, or nothing is to be found.

    Examples
    --------
    >>> from lstm_ref import precision_recall
    >>> precision_recall([True, True, False, False], [True, False, True, False])
    (0.5, 0.5)
    """
    wanted, raised = _booleans("labels", labels), _booleans("alarms", alarms)
    if wanted.shape != raised.shape:
        raise ValueError(f"expected alarms of shape {wanted.shape}, got {raised.shape}")
    if not wanted.any():
        raise ValueError("expected something to be found in labels, got False everywhere")
    right = int((wanted & raised).sum())
    precision = right / int(raised.sum()) if raised.any() else math.nan
    return precision, right / int(wanted.sum())


def average_precision(labels: ArrayLike, scores: ArrayLike) -> float:
    r"""Average the precision over all thresholds, weighted by the recall that each one gains.

    Parameters
    ----------
    labels : array_like of bool, shape (N,)
        True where something is to be found.
    scores : array_like, shape (N,)
        Higher is more suspicious.

    Returns
    -------
    float
        1 if everything to be found has higher scores than all else. Scores that say nothing get
        about the share of what is to be found; equal scores get exactly that.

    Raises
    ------
    ValueError
        If shapes differ, labels are not booleans or never true, or a score is NaN.

    Notes
    -----
    .. math:: \mathrm{AP} = \sum_n (R_n - R_{n-1}) \, P_n

    over the thresholds from the highest score to the lowest, with precision :math:`P_n` and recall
    :math:`R_n` of an alarm at every score that reaches the threshold. Equal scores are reached
    together. No line is drawn between the points: that would flatter.

    References
    ----------
    J. Davis, M. Goadrich (2006). The Relationship Between Precision-Recall and ROC Curves. ICML.

    Examples
    --------
    >>> from lstm_ref import average_precision
    >>> round(average_precision([True, False, True, False], [0.9, 0.8, 0.7, 0.1]), 4)
    0.8333
    """
    wanted, s = _booleans("labels", labels), as_floating("scores", scores)
    if s.shape != wanted.shape:
        raise ValueError(f"expected scores of shape {wanted.shape}, got {s.shape}")
    if not wanted.any():
        raise ValueError("expected something to be found in labels, got False everywhere")
    if np.isnan(s).any():
        raise ValueError(f"expected numbers in scores, got {int(np.isnan(s).sum())} NaN")
    order = np.argsort(-s, kind="stable")
    right = np.cumsum(wanted[order])  # (N,)
    last = np.append(s[order][1:] != s[order][:-1], True)  # of the scores that are equal
    precision = right[last] / np.flatnonzero(np.append(False, last))
    return float((np.diff(right[last], prepend=0) * precision).sum() / right[-1])


def _positive(name: str, value: ArrayLike) -> Array:
    array = as_floating(name, value)
    bad = ~(np.isfinite(array) & (array > 0))
    if bad.any():
        raise ValueError(
            f"expected positive numbers in {name}, got {array[bad].flat[0]} among {bad.sum()} other"
        )
    return array


def _finite_row(name: str, value: ArrayLike) -> Array:
    array = as_floating(name, value)
    if array.ndim != 1 or not np.isfinite(array).all():
        raise ValueError(
            f"expected {name} as finite numbers of shape (N,), got shape {array.shape} with "
            f"{int((~np.isfinite(array)).sum())} NaN or inf"
        )
    return array


def _booleans(name: str, value: ArrayLike) -> NDArray[np.bool_]:
    array = np.asarray(value)
    if array.ndim != 1 or array.dtype != bool:
        raise ValueError(
            f"expected {name} as booleans of shape (N,), got {array.dtype} of shape {array.shape}"
        )
    return array
