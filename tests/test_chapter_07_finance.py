"""What the page on finance shows must be what `lstm_ref` computes, and no forecast knows more."""

import sys

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import pytest

import lstm_ref
from lstm_ref import gradcheck, plots_series, qlike
from lstm_ref.datasets import markets
from lstm_ref.datasets.markets import Market, market
from lstm_ref.trials import volatility
from lstm_ref.trials.volatility import DailyVariance, forecast_variance, forecast_years


def invented(days=1000):
    """Days from 2010 on, whose variance comes in waves."""
    draw = np.random.default_rng(0)
    dates = np.arange("2010-01-01", "2014-12-31", dtype="datetime64[D]")
    dates = dates[np.is_busday(dates)][:days]
    log = np.zeros(days)
    for t in range(1, days):
        log[t] = 0.95 * log[t - 1] + 0.3 * draw.standard_normal()
    measured = np.exp(log) * draw.chisquare(5, days) / 5
    return DailyVariance(dates, np.exp(log / 2) * draw.standard_normal(days), measured)


DATA = invented()
STEPS = np.exp(0.01 * np.random.default_rng(11).standard_normal(2000).cumsum())


@pytest.fixture(scope="module")
def real():
    pytest.importorskip("arch")
    return volatility.daily_variance(market())


# ------------------------------------------------------------------------------------- the data


@pytest.mark.parametrize("name", markets.MARKETS)
def test_markets_are_whole_days_in_order(name):
    pytest.importorskip("arch")
    found = market(name)
    assert len(found.close) == 5031 and (np.diff(found.dates) > np.timedelta64(0, "D")).all()
    assert (found.high >= np.maximum(found.open, found.close) - 1e-6).all()
    assert (found.low <= np.minimum(found.open, found.close) + 1e-6).all()
    assert all(np.isfinite(column).all() and column.dtype == float for column in found[1:])


def test_another_number_is_noticed(monkeypatch):
    sp500 = pytest.importorskip("arch.data.sp500")
    table = sp500.load()
    table.iloc[7, table.columns.get_loc("Close")] += 0.01
    monkeypatch.setattr(sp500, "load", lambda: table)
    with pytest.raises(ValueError, match=r"expected the index sp500 with SHA-256 2532.*, got "):
        market("sp500")


def test_a_missing_package_is_named(monkeypatch):
    for name in ("arch", "arch.data.sp500"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImportError, match=r"expected the package arch.* got none; install it with"):
        market("sp500")
    with pytest.raises(ImportError, match=r"expected the package arch, which fits GARCH"):
        forecast_variance("GARCH(1,1)", DATA, 2012, 2012)


def test_the_range_of_a_random_walk_measures_its_variance():
    """Prices that are looked at often: what lies between two looks is missed, so a little low."""
    draw = np.random.default_rng(1)
    steps = draw.standard_normal((2000, 4000)) * 0.01 / np.sqrt(4000)
    paths = np.cumsum(steps, axis=1)
    high, low = np.maximum(paths.max(axis=1), 0), np.minimum(paths.min(axis=1), 0)
    days = np.datetime64("2000-01-01", "D") + np.arange(2000)
    closes = np.exp(np.cumsum(paths[:, -1]))
    found = volatility.daily_variance(
        Market(days, closes, np.exp(high), np.exp(low), closes, 0 * closes)
    )
    assert found.variance.mean() == pytest.approx(1.0, rel=0.05)
    squared = (100 * paths[:, -1]) ** 2
    assert squared.var() / found.variance.var() == pytest.approx(5, rel=0.25)


# ----------------------------------------------------------------------------------- forecasts


def changed_from(data, row):
    """Return other days from a row on."""
    later = np.arange(len(data.returns)) >= row
    draw = np.random.default_rng(9)
    return data._replace(
        returns=np.where(later, 5 * draw.standard_normal(len(later)), data.returns),
        variance=np.where(later, 9 * data.variance[::-1], data.variance),
    )


def forecasts_of(name, data):
    if name == "LSTM":
        return volatility.train_variance(data, 0, 2012, 2013, updates=5, window=20).forecasts
    return forecast_variance(name, data, 2012, 2013)


@pytest.mark.parametrize("name", [*volatility.VARIANCE_MODELS, "LSTM"])
def test_no_forecast_knows_its_future(name):
    if "GARCH" in name:
        pytest.importorskip("arch")
    (start, middle), (_, end) = forecast_years(DATA, 2012, 2013)
    for row in (middle - 40, middle + 40, end - 1):
        one, other = (forecasts_of(name, data) for data in (DATA, changed_from(DATA, row)))
        np.testing.assert_array_equal(one[: row + 1 - start], other[: row + 1 - start])
    if name != "constant":
        one, other = (forecasts_of(name, d) for d in (DATA, changed_from(DATA, middle - 40)))
        assert (one[middle - 39 - start :] != other[middle - 39 - start :]).mean() > 0.9


def test_running_means_by_hand():
    (start, stop) = forecast_years(DATA, 2012, 2012)[0]
    mean, v = DATA.variance[:22].mean(), DATA.variance
    for t in range(start):
        mean = 0.94 * mean + 0.06 * v[t]
    assert forecast_variance("EWMA, 0.94", DATA, 2012, 2012)[0] == pytest.approx(mean)
    walk = forecast_variance("random walk", DATA, 2012, 2012)
    np.testing.assert_array_equal(walk, v[start - 1 : stop - 1])


def test_the_fitted_running_mean_is_the_best_on_the_days_before():
    start, _ = forecast_years(DATA, 2012, 2012)[0]
    v, losses = DATA.variance[:start], {}
    for kept in np.arange(0.5, 0.99, 0.02):
        mean, path = v[:22].mean(), []
        for value in v:
            path.append(mean)
            mean = kept * mean + (1 - kept) * value
        losses[mean] = qlike(path[22:], v[22:]).mean()
    best = min(losses, key=losses.get)
    assert forecast_variance("EWMA, fitted", DATA, 2012, 2012)[0] == pytest.approx(best)


def test_log_har_with_leverage_by_hand():
    start, stop = forecast_years(DATA, 2012, 2012)[0]
    log, falls = np.log(DATA.variance), np.minimum(DATA.returns, 0)

    def features(t):
        return [1.0, *(x[t - k + 1 : t + 1].mean() for x in (log, falls) for k in (1, 5, 22))]

    A = np.array([features(t) for t in range(21, stop - 1)])
    y = log[22:stop]
    own = np.arange(22, stop) < start
    weights = np.linalg.solve(A[own].T @ A[own], A[own].T @ y[own])
    error = y[own] - A[own] @ weights
    wanted = np.exp(A[~own] @ weights + error.var() / 2)
    found = forecast_variance("log-HAR, leverage", DATA, 2012, 2012)
    np.testing.assert_allclose(found, wanted, rtol=1e-8)


def test_garch_goes_on_as_arch_does():
    arch = pytest.importorskip("arch")
    start, stop = forecast_years(DATA, 2012, 2012)[0]
    source = np.sqrt(DATA.variance[:start])
    fitted = arch.arch_model(source, mean="Zero", vol="GARCH", p=1, q=1, rescale=False).fit(
        disp="off"
    )
    wanted = float(fitted.forecast(horizon=1).variance.iloc[-1, 0])
    found = forecast_variance("GARCH(1,1) on the range", DATA, 2012, 2012)
    assert found[0] == pytest.approx(wanted, rel=1e-6) and len(found) == stop - start


# ------------------------------------------------------------------------------------ the LSTM


@pytest.mark.parametrize("masked", [False, True])
def test_the_loss_of_the_network_is_qlike_and_its_gradient_too(masked):
    draw = np.random.default_rng(2)
    outputs, v = draw.standard_normal((5, 3, 2)), draw.uniform(0.2, 4, (5, 3, 2))
    mask = draw.random((5, 3)) < 0.6 if masked else None
    loss, d = volatility.qlike_loss(outputs, v, mask)
    counts = np.ones((5, 3), dtype=bool) if mask is None else mask
    assert loss == pytest.approx(qlike(np.exp(outputs[counts]), v[counts]).mean())
    assert gradcheck(lambda x: volatility.qlike_loss(x, v, mask)[0], outputs, d)


def test_a_response_is_a_ratio_of_two_forecasts():
    run = volatility.train_variance(DATA, 0, 2012, 2012, updates=3, window=20)
    x = volatility.variance_inputs(DATA, 2012)
    ends = np.array([500, 640])
    ones = volatility.forecast_response(run.params, x, ends, np.zeros(3), 4)
    np.testing.assert_array_equal(ones, 1)
    moved = x.copy()
    moved[497] += [0.5, 0, 0]
    model = lstm_ref.SequenceModel(lstm_ref.lstm_layer(), volatility.qlike_loss)
    window = slice(500 - 103 + 1, 501)  # as many days as it reads
    wanted = [model.predict(run.params, z[window, None])[0][0, 0] for z in (x, moved)]
    found = volatility.forecast_response(run.params, x, ends[:1], [0.5, 0, 0], 3)
    assert found[0] == pytest.approx(np.exp(wanted[1] - wanted[0]), rel=1e-4)
    both = volatility.forecast_response(run.params, x, ends, [[0.5, 0, 0], [0, 0, 0]], 3)
    np.testing.assert_allclose(both, [found[0], 1], rtol=1e-5)
    assert found[0] != 1


def test_training_is_repeatable_and_seeds_differ():
    one, same, other = (
        volatility.train_variance(DATA, seed, 2012, 2012, updates=3, window=20).forecasts
        for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(one, same)
    assert (one != other).any() and (one > 0).all()


def test_prices_are_predicted_from_the_day_before_on():
    prices = 50 + STEPS[:400]
    predicted = volatility.train_price(prices, 300, seed=0, updates=3)
    prices[350:] *= 2
    again = volatility.train_price(prices, 300, seed=0, updates=3)
    np.testing.assert_array_equal(predicted[:51], again[:51])
    assert (predicted[51:] != again[51:]).all()


# ------------------------------------------------------------------------- what the page claims


def test_the_open_is_the_close_before_until_2006(real):
    prices = market()
    same = prices.open[1:] == prices.close[:-1]
    assert same[real.years < 2006].mean() > 0.9 and same[real.years >= 2006].mean() < 0.15


def test_returns_hardly_remember_and_the_variance_does(real):
    band = 2 / np.sqrt(len(real.returns))
    assert np.abs(volatility.autocorrelation(real.returns, 60)).max() < 0.1
    assert volatility.autocorrelation(np.log(real.variance), 60).min() > 5 * band


def test_a_few_days_rule_the_squared_error(real):
    v = real.variance[real.years >= 2012]
    f = forecast_variance("log-HAR", real, 2012, 2018)
    squared, ratio = (
        np.sort(loss)[-10:].sum() / loss.sum() for loss in ((f - v) ** 2, qlike(f, v))
    )
    assert squared > 0.3 > 0.15 > ratio


def test_the_models_to_be_beaten_stand_in_the_order_that_the_page_tells(real):
    v = real.variance[real.years >= 2012]
    losses = {
        name: qlike(forecast_variance(name, real, 2012, 2018), v).mean()
        for name in volatility.VARIANCE_MODELS
    }
    assert min(losses, key=losses.get) == "log-HAR, leverage"
    assert losses["constant"] > losses["random walk"] + 0.2
    assert losses["random walk"] > losses["EWMA, fitted"] + 0.2
    best = qlike(forecast_variance("log-HAR, leverage", real, 2012, 2018), v)
    for name in losses.keys() - {"log-HAR, leverage"}:
        other = qlike(forecast_variance(name, real, 2012, 2018), v)
        assert lstm_ref.diebold_mariano(other, best).p_value < 0.05, name


def test_2017_was_calmer_than_the_training_years(real):
    quiet = np.quantile(real.variance[real.years < 2012], 0.05)
    shares = {y: (real.variance[real.years == y] < quiet).mean() for y in range(2012, 2019)}
    assert max(shares, key=shares.get) == 2017 and shares[2017] > 0.5


@pytest.mark.slow
def test_the_network_stands_beside_the_best_regression_and_not_above(real):
    v = real.variance[real.years >= 2012]
    best = qlike(forecast_variance("log-HAR, leverage", real, 2012, 2018), v)
    found = qlike(volatility.train_variance(real, 0).forecasts, v)
    assert abs(found.mean() - best.mean()) < 0.03
    assert lstm_ref.diebold_mariano(found, best).p_value > 0.05


@pytest.mark.slow
def test_in_the_crisis_the_network_is_behind_the_garch_on_the_range(real):
    v = real.variance[(real.years >= 2008) & (real.years <= 2011)]
    simple = qlike(forecast_variance("GARCH(1,1) on the range", real, 2008, 2011), v).mean()
    network = qlike(volatility.train_variance(real, 0, 2008, 2011).forecasts, v).mean()
    assert network > simple + 0.02


@pytest.mark.slow
def test_direction_is_no_better_than_always_up(real):
    up = real.returns[real.years >= 2012] > 0
    assert (volatility.train_direction(real, 0) == up).mean() < up.mean()


@pytest.mark.slow
def test_predicted_prices_of_a_random_walk_look_good_and_say_nothing():
    walk = 1000 * STEPS
    predicted, true, before = volatility.train_price(walk, 1400, 0), walk[1400:], walk[1399:-1]
    explained = 1 - np.mean((predicted - true) ** 2) / true.var()
    assert 1 - np.mean((before - true) ** 2) / true.var() > explained > 0.9
    correlation = np.corrcoef(predicted - before, true - before)[0, 1]
    assert abs(correlation) < 2 / np.sqrt(len(true))


# ---------------------------------------------------------------------------------------- edges


FLAT = Market(DATA.dates[:3], *np.ones((5, 3)))
BAD = {
    "market": (lambda: market("ftse"),),
    "daily_variance: one day": (lambda: volatility.daily_variance(Market(*[c[:1] for c in FLAT])),),
    "daily_variance: no range": (lambda: volatility.daily_variance(FLAT),),
    "autocorrelation: lags": (lambda: volatility.autocorrelation([1.0, 2.0], 2),),
    "autocorrelation: constant": (lambda: volatility.autocorrelation(np.ones(9), 2),),
    "forecast_years: later": (lambda: forecast_years(DATA, 2012, 2030),),
    "forecast_years: too early": (lambda: forecast_years(DATA, 2010, 2012),),
    "forecast_years: none": (lambda: forecast_years(DATA, 2013, 2012),),
    "forecast_variance": (lambda: forecast_variance("crystal ball", DATA, 2012, 2012),),
    "qlike_loss": (lambda: volatility.qlike_loss(np.ones((2, 1)), [[1.0], [0.0]]),),
    "variance_inputs": (lambda: volatility.variance_inputs(DATA, 1990),),
    "forecast_response": (
        lambda: volatility.forecast_response(None, np.ones((200, 3)), [150], np.ones(3), 60),
    ),
    "forecast_response: change": (
        lambda: volatility.forecast_response(None, np.ones((200, 3)), [150], np.ones(2), 3),
    ),
    "train_variance": (lambda: volatility.train_variance(DATA, 0, 2012, 2012, window=10),),
    "train_direction": (lambda: volatility.train_direction(DATA, 0, 2012, updates=0),),
    "train_price": (lambda: volatility.train_price(np.ones((200, 2)), 100, 0),),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_refused(case):
    with pytest.raises(ValueError, match=r"^expected .+, got .+"):
        BAD[case][0]()


def test_figures_draw_what_they_are_given():
    fig, axes = plt.subplots(2, 3)
    plots_series.plot_market(axes[0, :2], DATA.dates, {"a": DATA.returns, "b": DATA.variance})
    assert axes[0, 0].get_ylabel() == "a" and axes[0, 1].lines[0].get_ydata()[3] == DATA.variance[3]
    plots_series.plot_autocorrelation(axes[1, 0], {"r": DATA.returns}, lags=7)
    np.testing.assert_allclose(
        axes[1, 0].lines[0].get_ydata(), volatility.autocorrelation(DATA.returns, 7)
    )
    plots_series.plot_series(axes[1, 1], [0, 1], {"one": [1, 2], "two": [3, 4]})
    assert {line.get_linestyle() for line in axes[1, 1].lines} == {"-", "--"}
    plots_series.plot_changes(axes[1, 2], np.array([5.0, 1.0]), np.array([1.0, -1.0]))
    assert axes[1, 2].get_xlim() == axes[1, 2].get_ylim() == pytest.approx((-5.25, 5.25))
    plt.close(fig)
