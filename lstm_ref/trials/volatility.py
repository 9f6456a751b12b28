"""How much will a share index move tomorrow? The usual models and an LSTM, walking forward.

Every forecast of a year is made by a model that was fitted to the days before that year, from
numbers of the days before the one that is forecast.

Shapes
------
``N`` trading days, ``M`` of them forecast; ``T`` time, ``B`` batch.
"""

import math
from collections.abc import Callable
from importlib import import_module
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lstm_ref.datasets.markets import Market
from lstm_ref.evaluation import qlike
from lstm_ref.losses import gaussian_nll, mse, softmax_cross_entropy
from lstm_ref.optim import adam
from lstm_ref.params import Array
from lstm_ref.sequence_model import SequenceBatch, SequenceModel, SequenceParams, lstm_layer
from lstm_ref.training import train
from lstm_ref.validation import as_floating, check_at_least

__all__ = [
    "VARIANCE_MODELS",
    "DailyVariance",
    "VarianceRun",
    "autocorrelation",
    "daily_variance",
    "forecast_response",
    "forecast_variance",
    "forecast_years",
    "qlike_loss",
    "train_direction",
    "train_price",
    "train_variance",
    "variance_inputs",
]


class DailyVariance(NamedTuple):
    """What one day says about the next, from the second day of a market on.

    ``dates (N,)``; ``returns (N,)``, 100 times the logarithm of today's close over yesterday's;
    ``variance (N,)``, in the square of that unit, from the day's high and low.
    """

    dates: NDArray[np.datetime64]
    returns: Array
    variance: Array

    @property
    def years(self) -> NDArray[np.int64]:
        """Calendar year of each day, shape (N,)."""
        return self.dates.astype("datetime64[Y]").astype(np.int64) + 1970


class VarianceRun(NamedTuple):
    """What `train_variance` gives: ``forecasts (M,)``, and the network as it was at the end."""

    forecasts: Array
    params: SequenceParams


def daily_variance(market: Market) -> DailyVariance:
    r"""Turn prices into returns and into a measure of each day's variance.

    Parameters
    ----------
    market : Market

    Returns
    -------
    DailyVariance

    Raises
    ------
    ValueError
        If there are fewer than two days, or a day's high does not lie above its low.

    Notes
    -----
    Were the logarithm of the price a random walk within the day,

    .. math:: v = \frac{(100 \, \ln (\mathrm{high} / \mathrm{low}))^2}{4 \ln 2}

    would be its variance on average, with a fifth of the error that the squared return has. What
    happens while the exchange is closed is not in it.

    References
    ----------
    M. Parkinson (1980). The Extreme Value Method for Estimating the Variance of the Rate of
    Return. Journal of Business 53(1).

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref.datasets.markets import Market
    >>> from lstm_ref.trials.volatility import daily_variance
    >>> days = np.array(["2018-12-28", "2018-12-31"], dtype="datetime64[D]")
    >>> prices = np.array([[100, 99], [103, 102], [98, 98], [99, 101], [0, 0]], dtype=float)
    >>> daily_variance(Market(days, *prices)).returns.round(3)
    array([2.])
    """
    if len(market.close) < 2:
        raise ValueError(f"expected at least 2 days, got {len(market.close)}")
    if not (market.high > market.low).all():
        day = market.dates[~(market.high > market.low)][0]
        raise ValueError(f"expected a high above the low on every day, got none on {day}")
    reach = 100 * np.log(market.high / market.low)
    returns = 100 * np.diff(np.log(market.close))
    return DailyVariance(market.dates[1:], returns, (reach**2 / (4 * math.log(2)))[1:])


def forecast_years(data: DailyVariance, first: int, last: int) -> list[tuple[int, int]]:
    """Find the rows of each year that is forecast.

    Parameters
    ----------
    data : DailyVariance
    first, last : int
        Years, both included.

    Returns
    -------
    list of (int, int)
        First row of each year, and the row after its last.

    Raises
    ------
    ValueError
        If a year has no days, or there are fewer than 250 days before the first.
    """
    spans = []
    for year in range(first, last + 1):
        rows = np.flatnonzero(data.years == year)
        if not rows.size:
            raise ValueError(f"expected years from {data.years[0]} to {data.years[-1]}, got {year}")
        spans.append((int(rows[0]), int(rows[-1]) + 1))
    if not spans or spans[0][0] < 250:
        raise ValueError(
            f"expected years with at least 250 days before them, got {first} to {last}"
        )
    return spans


def autocorrelation(series: ArrayLike, lags: int) -> Array:
    r"""Correlate a series with itself some steps earlier.

    Parameters
    ----------
    series : array_like, shape (N,)
    lags : int
        How many, at least 1 and below ``N``.

    Returns
    -------
    ndarray, shape (lags,)
        Of lag 1 first. For independent numbers, about 95 % of them lie within ``±2/√N``.

    Raises
    ------
    ValueError
        If the series has another shape or never changes, or there are too many lags.

    Notes
    -----
    .. math:: r_k = \frac{\sum_n (x_n - \bar x)(x_{n-k} - \bar x)}{\sum_n (x_n - \bar x)^2}

    Examples
    --------
    >>> from lstm_ref.trials.volatility import autocorrelation
    >>> autocorrelation([1.0, -1.0, 1.0, -1.0], 2)
    array([-0.75,  0.5 ])
    """
    x = as_floating("series", series)
    check_at_least(1, lags=lags)
    if x.ndim != 1 or len(x) <= lags:
        raise ValueError(f"expected a series of shape (N,) with N > {lags}, got {x.shape}")
    x = x - x.mean()
    if not x.any():
        raise ValueError("expected a series that changes, got the same number every time")
    return np.asarray(np.array([x[k:] @ x[:-k] for k in range(1, lags + 1)]) / (x @ x))


# --- the models to be beaten ----------------------------------------------------------------------


def _constant(data: DailyVariance, start: int, stop: int) -> Array:
    return np.full(stop - start, data.variance[:start].mean())


def _random_walk(data: DailyVariance, start: int, stop: int) -> Array:
    return data.variance[start - 1 : stop - 1].copy()


def _smooth(v: Array, kept: float) -> Array:
    """Entry ``t`` is the running mean of the days before row ``t``."""
    mean = np.empty(len(v) + 1)
    mean[0] = v[:22].mean()
    for t in range(len(v)):
        mean[t + 1] = kept * mean[t] + (1 - kept) * v[t]
    return mean


def _ewma_094(data: DailyVariance, start: int, stop: int) -> Array:
    return _smooth(data.variance[:stop], 0.94)[start:stop]


def _ewma(data: DailyVariance, start: int, stop: int) -> Array:
    """Choose the share that is kept on the days before `start`."""
    v = data.variance[:start]

    def loss(kept: float) -> float:
        return float(qlike(_smooth(v, kept)[22:start], v[22:]).mean())

    kept = min(np.arange(0.5, 0.99, 0.02), key=loss)
    return _smooth(data.variance[:stop], float(kept))[start:stop]


def _garch_path(source: Array, fit_to: int, mean: str) -> tuple[Array, float]:
    """Fit a GARCH(1,1) by maximum likelihood; entry ``t`` is the variance it expects at ``t``."""
    try:
        arch_model = import_module("arch").arch_model
    except ImportError as error:
        raise ImportError(
            "expected the package arch, which fits GARCH, got none; install it with  "
            "pip install 'lstm-course[book]'"
        ) from error
    model = arch_model(source[:fit_to], mean=mean, vol="GARCH", p=1, q=1, rescale=False)
    params = model.fit(disp="off").params.to_numpy()
    omega, alpha, beta = params[-3:]
    middle = float(params[0]) if mean == "Constant" else 0.0
    path = np.empty(len(source) + 1)
    path[0] = source[:fit_to].var()
    for t in range(len(source)):
        path[t + 1] = omega + alpha * (source[t] - middle) ** 2 + beta * path[t]
    return path, middle


def _garch(data: DailyVariance, start: int, stop: int) -> Array:
    """Forecast the variance of returns, and scale it to that of the day's range."""
    path, middle = _garch_path(data.returns[:stop], start, "Constant")
    returns = data.returns[:start] - middle
    return np.asarray(path[start:stop] * data.variance[:start].mean() / (returns**2).mean())


def _range_garch(data: DailyVariance, start: int, stop: int) -> Array:
    return _garch_path(np.sqrt(data.variance[:stop]), start, "Zero")[0][start:stop]


def _means(x: Array) -> Array:
    """Give the last day, and the means of the last 5 and 22 days: (N, 3), NaN where too few."""
    columns = np.full((len(x), 3), np.nan)
    total = np.concatenate([[0.0], np.cumsum(x)])
    for k, days in enumerate((1, 5, 22)):
        columns[days - 1 :, k] = (total[days:] - total[:-days]) / days
    return columns


def _regress(columns: Array, target: Array, start: int, stop: int) -> tuple[Array, float]:
    """Fit tomorrow's target to today's columns on rows before `start`; forecast on."""
    A = np.column_stack([np.ones(len(columns)), columns])
    weights, *_ = np.linalg.lstsq(A[21 : start - 1], target[22:start], rcond=None)
    error = target[22:start] - A[21 : start - 1] @ weights
    return np.asarray(A[start - 1 : stop - 1] @ weights), float(error.var())


def _har(data: DailyVariance, start: int, stop: int) -> Array:
    v = data.variance
    forecast, _ = _regress(_means(v), v, start, stop)
    return np.asarray(
        np.maximum(forecast, v[:start].min())
    )  # a sum of means with signs can be negative


def _log_har(data: DailyVariance, start: int, stop: int) -> Array:
    log = np.log(data.variance)
    forecast, error = _regress(_means(log), log, start, stop)
    return np.asarray(np.exp(forecast + error / 2))  # the mean of a log-normal, not its median


def _log_har_leverage(data: DailyVariance, start: int, stop: int) -> Array:
    log, falls = np.log(data.variance), np.minimum(data.returns, 0)
    columns = np.column_stack([_means(log), _means(falls)])
    forecast, error = _regress(columns, log, start, stop)
    return np.asarray(np.exp(forecast + error / 2))


#: Model by name: from the data, and the first row and the row after the last that it forecasts.
VARIANCE_MODELS: dict[str, Callable[[DailyVariance, int, int], Array]] = {
    "constant": _constant,
    "random walk": _random_walk,
    "EWMA, 0.94": _ewma_094,
    "EWMA, fitted": _ewma,
    "GARCH(1,1)": _garch,
    "GARCH(1,1) on the range": _range_garch,
    "HAR": _har,
    "log-HAR": _log_har,
    "log-HAR, leverage": _log_har_leverage,
}


def forecast_variance(name: str, data: DailyVariance, first: int, last: int) -> Array:
    """Forecast each day of some years with one of `VARIANCE_MODELS`, fitted anew every year.

    Parameters
    ----------
    name : str
        A key of `VARIANCE_MODELS`.
    data : DailyVariance
    first, last : int
        Years, both included.

    Returns
    -------
    ndarray, shape (M,)

    Raises
    ------
    ValueError
        If the name is unknown, or the years are not in the data or too early.
    ImportError
        If it is a GARCH and the package arch is not installed.

    References
    ----------
    T. Bollerslev (1986). Generalized Autoregressive Conditional Heteroskedasticity. Journal of
    Econometrics 31(3). F. Corsi (2009). A Simple Approximate Long-Memory Model of Realized
    Volatility. Journal of Financial Econometrics 7(2). R. Y. Chou (2005). Forecasting Financial
    Volatilities with Extreme Values: The Conditional Autoregressive Range (CARR) Model. Journal of
    Money, Credit and Banking 37(3), for a GARCH on the range.
    """
    if name not in VARIANCE_MODELS:
        raise ValueError(f"expected a model out of {', '.join(VARIANCE_MODELS)}, got {name!r}")
    spans = forecast_years(data, first, last)
    return np.concatenate([VARIANCE_MODELS[name](data, *span) for span in spans])


# --- the LSTM -------------------------------------------------------------------------------------


def qlike_loss(outputs: Array, targets: Any, mask: Any = None) -> tuple[float, Array]:
    """Apply `qlike` to outputs that are logarithms of forecast variances.

    Parameters
    ----------
    outputs : ndarray, shape (..., M)
    targets : array_like, shape (..., M)
        Positive.
    mask : array_like of bool, shape (...), optional
        True where a position counts.

    Returns
    -------
    loss : float
    doutputs : ndarray, shape (..., M)

    Raises
    ------
    ValueError
        If shapes or dtypes do not fit, or a target is not positive.

    Notes
    -----
    It is twice the negative log-likelihood of a Gaussian with mean 0 for a return of the size
    ``√v``, less what no forecast can change.

    Examples
    --------
    >>> import numpy as np
    >>> from lstm_ref.trials.volatility import qlike_loss
    >>> qlike_loss(np.array([[0.0]]), [[1.0]])[1]
    array([[0.]])
    """
    v = as_floating("targets", targets)
    if not (v > 0).all():
        raise ValueError(f"expected positive targets, got {v.min()}")
    loss, (_, half) = gaussian_nll(np.zeros_like(outputs), outputs, np.sqrt(v), mask)
    counts = np.ones(v.shape[:-1], dtype=bool) if mask is None else np.asarray(mask, dtype=bool)
    unchanging = np.log(v[counts]).mean() if counts.any() else 0.0
    return 2 * loss - math.log(2 * math.pi) - float(unchanging) - 1, 2 * half


def variance_inputs(data: DailyVariance, first: int) -> Array:
    """Make the LSTM's inputs: log variance, return, and return if it is a fall.

    Parameters
    ----------
    data : DailyVariance
    first : int
        Year before which mean and deviation are taken.

    Returns
    -------
    ndarray, shape (N, 3), float32

    Raises
    ------
    ValueError
        If the year is not in the data or too early.
    """
    (start, _), *_ = forecast_years(data, first, first)
    falls = np.minimum(data.returns, 0)
    x = np.stack([np.log(data.variance), data.returns, falls], axis=1)
    return np.asarray((x - x[:start].mean(axis=0)) / x[:start].std(axis=0), dtype=np.float32)


def train_variance(
    data: DailyVariance,
    seed: int,
    first: int = 2012,
    last: int = 2018,
    updates: int = 300,
    hidden_size: int = 8,
    window: int = 60,
    learning_rate: float = 0.01,
) -> VarianceRun:
    """Train an LSTM on the days before a year, forecast the year, train on, forecast the next.

    Parameters
    ----------
    data : DailyVariance
    seed : int
        Of first weights and windows.
    first, last : int, optional
        Years to be forecast, both included.
    updates : int, optional
        Updates of Adam before the first year, each on 32 windows; a tenth of it before each other.
    hidden_size, window : int, optional
        Units, and days a window, more than 10: the first 10 only warm the state up.
    learning_rate : float, optional
        At the start; it falls to zero in a line.

    Returns
    -------
    VarianceRun

    Raises
    ------
    ValueError
        If a number is out of range, or the years are not in the data or too early.
    """
    check_at_least(1, updates=updates, hidden_size=hidden_size)
    check_at_least(11, window=window)
    spans, x = forecast_years(data, first, last), variance_inputs(data, first)
    y = data.variance[:, None].astype(np.float32)
    model = SequenceModel(lstm_layer(), qlike_loss, every_step=True)
    rng = np.random.default_rng([seed, 1])
    params = model.init(rng, 3, hidden_size, 1, dtype=np.float32)
    params.readout.b[:] = np.log(data.variance[: spans[0][0]]).mean()
    forecasts = []
    for k, (start, stop) in enumerate(spans):
        steps, rate = (updates, learning_rate) if k == 0 else (updates // 10, learning_rate / 4)
        params = _fit(model, params, x, y, start, window, rng, steps, rate)
        outputs, _ = model.predict(params, x[: stop - 1, None])
        forecasts.append(np.exp(outputs[start - 1 :, 0, 0].astype(np.float64)))
    return VarianceRun(np.concatenate(forecasts), params)


def _fit(
    model: SequenceModel,
    params: SequenceParams,
    x: Array,
    y: NDArray[Any],
    start: int,
    window: int,
    rng: np.random.Generator,
    steps: int,
    rate: float,
) -> SequenceParams:
    """Train on windows of days before row `start`, whose targets lie before it, too."""
    mask = np.broadcast_to(np.arange(window)[:, None] >= 10, (window, 32))

    def next_batch(rng: np.random.Generator, step: int) -> SequenceBatch:
        rows = rng.integers(0, start - window, 32) + np.arange(window)[:, None]  # (T, B)
        return SequenceBatch(x[rows], y[rows + 1], mask=mask)

    optimizer = adam(lambda step: rate * (1 - step / steps) + 1e-6)
    done = train(model.loss_and_grad, params, next_batch, optimizer, rng, steps, max_norm=1.0)
    return SequenceParams(*done.params)


def forecast_response(
    params: SequenceParams, x: Array, ends: ArrayLike, change: ArrayLike, back: int
) -> Array:
    """Change the inputs of one day, and see by what factor the forecast changes.

    Parameters
    ----------
    params : SequenceParams
        Of a network that `train_variance` has trained.
    x : ndarray, shape (N, 3)
        From `variance_inputs`.
    ends : array_like of int, shape (K,)
        Rows after which a forecast is made, at least ``back + 99``.
    change : array_like, shape (3,) or (K, 3)
        What is added to the inputs.
    back : int
        How many days before the last day that is read; 0 for the last day itself.

    Returns
    -------
    ndarray, shape (K,)
        Forecast with the change over forecast without.

    Raises
    ------
    ValueError
        If a row is not in the data or too early, or `back` is negative.
    """
    check_at_least(0, back=back)
    rows, added = np.asarray(ends), np.asarray(change, dtype=x.dtype)
    if added.shape not in ((3,), (*rows.shape, 3)):
        raise ValueError(f"expected change of shape (3,) or {(*rows.shape, 3)}, got {added.shape}")
    if rows.ndim != 1 or not ((rows >= back + 99) & (rows < len(x))).all():
        raise ValueError(
            f"expected ends as rows from {back + 99} to {len(x) - 1}, got {rows.min()} to "
            f"{rows.max()}"
        )
    model = SequenceModel(lstm_layer(), qlike_loss)
    days = back + 100
    xs = x[rows - days + 1 + np.arange(days)[:, None]]  # (T, K, 3)
    plain, _ = model.predict(params, xs)
    changed = xs.copy()
    changed[-1 - back] += added
    return np.asarray(np.exp((model.predict(params, changed)[0] - plain)[:, 0].astype(np.float64)))


def train_direction(data: DailyVariance, seed: int, first: int = 2012, updates: int = 300) -> Array:
    """Train an LSTM to say whether tomorrow's close lies above today's.

    Parameters
    ----------
    data : DailyVariance
    seed : int
        Of first weights and windows.
    first : int, optional
        Year from which on it is asked; it is trained on the days before.
    updates : int, optional
        Updates of Adam, each on 32 windows of 60 days.

    Returns
    -------
    ndarray of bool, shape (M,)
        Whether it says *up*, for every day from the first of that year on.

    Raises
    ------
    ValueError
        If there is no update, or the year is not in the data or too early.
    """
    check_at_least(1, updates=updates)
    (start, _), x = forecast_years(data, first, first)[0], variance_inputs(data, first)
    model = SequenceModel(lstm_layer(), softmax_cross_entropy, every_step=True)
    rng = np.random.default_rng([seed, 3])
    params = model.init(rng, 3, 8, 2, dtype=np.float32)
    up = (data.returns > 0).astype(np.int64)
    params = _fit(model, params, x, up, start, 60, rng, updates, 0.01)
    outputs, _ = model.predict(params, x[:-1, None])
    return np.asarray(outputs[start - 1 :, 0].argmax(axis=1) == 1)


def train_price(prices: Array, start: int, seed: int, updates: int = 300) -> Array:
    """Train an LSTM to predict tomorrow's price from the prices so far, as it should not be done.

    Parameters
    ----------
    prices : ndarray, shape (N,)
    start : int
        Row from which on it predicts; it is trained on those before, at least 100.
    seed : int
        Of first weights and windows.
    updates : int, optional
        Updates of Adam, each on 32 windows of 60 days.

    Returns
    -------
    ndarray, shape (N − start,)
        Predicted prices.

    Raises
    ------
    ValueError
        If there are too few prices or no updates.
    """
    check_at_least(1, updates=updates)
    check_at_least(100, start=start)
    p = as_floating("prices", prices)
    if p.ndim != 1 or len(p) <= start:
        raise ValueError(f"expected more than {start} prices in a row, got shape {p.shape}")
    mean, deviation = p[:start].mean(), p[:start].std()
    x = ((p - mean) / deviation).astype(np.float32)[:, None]
    model = SequenceModel(lstm_layer(), mse, every_step=True)
    rng = np.random.default_rng([seed, 4])
    params = model.init(rng, 1, 16, 1, dtype=np.float32)
    params = _fit(model, params, x, x, start, 60, rng, updates, 0.02)
    outputs, _ = model.predict(params, x[:-1, None])
    return np.asarray(mean + deviation * outputs[start - 1 :, 0, 0].astype(np.float64))
