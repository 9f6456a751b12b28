"""What learners get wrong in assignment 07: short wrong implementations, each with its sentence."""

import numpy as np

from lstm_ref import (
    LSTMParams,
    anomaly_scores,
    make_windows,
    sample_token,
    softmax_cross_entropy,
    standardize,
)
from lstm_ref.checks.exercise import Mistakes, Place

__all__ = ["adder_by_hand", "mistakes"]

PAGE = "07-use-cases"
SCALING = Place(PAGE, "sec-standardize", "Scaling without looking ahead")
WINDOWS = Place(PAGE, "sec-windows", "From a series to examples")
LOSS = Place(PAGE, "sec-cross-entropy", "The loss of a classifier over time")
SAMPLING = Place(PAGE, "sec-sampling", "Sampling with a temperature")
ANOMALY = Place(PAGE, "sec-mahalanobis", "How strange is an error?")
ADDER = Place(PAGE, "sec-adder", "Capstone: the adding problem")

mistakes = Mistakes()

# ---------------------------------------------------------------------------------- standardize


def scaled(arrays, mean, std):
    std = np.where(std > 0, std, 1)
    return tuple(((a - mean) / std).astype(a.dtype) for a in arrays)


@mistakes(
    "standardize",
    "statistics of all the data",
    "Mean and variance come from all arrays together: the test data leak into the training.",
    SCALING,
)
def _(train, *others):
    everything = np.concatenate([train, *others])
    return scaled((train, *others), everything.mean(axis=0), everything.std(axis=0))


@mistakes(
    "standardize",
    "each array by its own statistics",
    "Each array is scaled by its own mean and variance; all of them take those of train.",
    SCALING,
)
def _(train, *others):
    return tuple(standardize(a)[0] for a in (train, *others))


@mistakes(
    "standardize",
    "one mean for all features",
    "Mean and variance run over all features together; each feature has its own (axis 0).",
    SCALING,
)
def _(train, *others):
    return scaled((train, *others), train.mean(), train.std())


@mistakes(
    "standardize",
    "variance for standard deviation",
    "You divide by the variance; divide by its root.",
    SCALING,
)
def _(train, *others):
    return scaled((train, *others), train.mean(axis=0), train.var(axis=0))


@mistakes(
    "standardize",
    "variance with n − 1",
    "Your variance divides by n − 1, so that of the result is not exactly 1.",
    SCALING,
)
def _(train, *others):
    return scaled((train, *others), train.mean(axis=0), train.std(axis=0, ddof=1))


@mistakes("standardize", "mean only", "You subtract the mean but do not scale.", SCALING)
def _(train, *others):
    return scaled((train, *others), train.mean(axis=0), np.ones(train.shape[1], train.dtype))


@mistakes(
    "standardize",
    "division by zero",
    "A constant feature divides zero by zero: it must become 0.",
    SCALING,
)
def _(train, *others):
    mean, std = train.mean(axis=0), train.std(axis=0)
    return tuple((a - mean) / std for a in (train, *others))


@mistakes(
    "standardize",
    "train left out",
    "You return the other arrays only; the scaled train comes first.",
    SCALING,
)
def _(train, *others):
    return standardize(train, *others)[1:]


@mistakes(
    "standardize",
    "in place",
    "Your function changes the caller's arrays (−= and /= work in place); make new ones.",
    SCALING,
)
def _(train, *others):
    result = standardize(train, *others)
    train[...] = result[0]
    return result


# --------------------------------------------------------------------------------- make_windows


def windows(series, window, count, target):
    X = np.stack([series[k : k + window] for k in range(count)])
    return X, np.stack([series[k + target] for k in range(count)])


@mistakes(
    "make_windows",
    "horizon ignored",
    "Your target is always the next value; it lies horizon steps after the window's last.",
    WINDOWS,
)
def _(series, window, horizon):
    count = len(series) - window - horizon + 1
    return windows(series, window, count, window)


@mistakes(
    "make_windows",
    "one step too far",
    "Your target lies one step too far: with horizon 1 it is the value right after the window.",
    WINDOWS,
)
def _(series, window, horizon):
    return windows(series, window, len(series) - window - horizon, window + horizon)


@mistakes(
    "make_windows",
    "one step too near",
    "Your target lies one step too near: with horizon 1 it is the window's own last value.",
    WINDOWS,
)
def _(series, window, horizon):
    count = len(series) - window - horizon + 1
    return windows(series, window, count, window + horizon - 2)


@mistakes(
    "make_windows",
    "last window missing",
    "The last window that has a target is missing.",
    WINDOWS,
)
def _(series, window, horizon):
    return tuple(a[:-1].copy() for a in make_windows(series, window, horizon))


@mistakes(
    "make_windows",
    "windows without overlap",
    "Your windows do not overlap; a new one starts at every step.",
    WINDOWS,
)
def _(series, window, horizon):
    return tuple(a[::window].copy() for a in make_windows(series, window, horizon))


@mistakes(
    "make_windows",
    "horizon from the start",
    "You count the horizon from the window's first value; it counts from its last.",
    WINDOWS,
)
def _(series, window, horizon):
    count = len(series) - window - horizon + 1
    return windows(series, window, count, horizon)


@mistakes(
    "make_windows",
    "all values up to the horizon",
    "Your y holds every value up to the horizon; it is the one value at the horizon.",
    WINDOWS,
)
def _(series, window, horizon):
    X, _ = make_windows(series, window, horizon)
    y = np.stack([series[k + window : k + window + horizon] for k in range(len(X))])
    return X, y


@mistakes(
    "make_windows",
    "time last",
    "Your X is (K, D, window); it is (K, window, D).",
    WINDOWS,
)
def _(series, window, horizon):
    X, y = make_windows(series, window, horizon)
    return X.swapaxes(1, 2).copy(), y


@mistakes(
    "make_windows",
    "views of the series",
    "Your windows share memory with series: a change of one would change the others; copy.",
    WINDOWS,
)
def _(series, window, horizon):
    X = np.lib.stride_tricks.sliding_window_view(series, window, axis=0)
    count = len(series) - window - horizon + 1
    return X[:count].swapaxes(1, 2), series[window + horizon - 1 :]


# ------------------------------------------------------------------------ softmax_cross_entropy


def positions(logits, mask):
    return logits[..., 0].size if mask is None else int(np.sum(mask))


@mistakes(
    "softmax_cross_entropy",
    "sum for mean",
    "Your loss is summed over the positions; it is their mean.",
    LOSS,
)
def _(logits, targets, mask=None):
    loss, grad = softmax_cross_entropy(logits, targets, mask)
    n = positions(logits, mask)
    return loss * n, grad * logits.dtype.type(n)


@mistakes(
    "softmax_cross_entropy",
    "gradient of the sum",
    "Your loss is a mean but your gradient that of the sum: divide it by the number of positions.",
    LOSS,
)
def _(logits, targets, mask=None):
    loss, grad = softmax_cross_entropy(logits, targets, mask)
    return loss, grad * logits.dtype.type(positions(logits, mask))


@mistakes(
    "softmax_cross_entropy",
    "mask ignored",
    "Your answer does not use the mask.",
    LOSS,
)
def _(logits, targets, mask=None):
    return softmax_cross_entropy(logits, targets)


@mistakes(
    "softmax_cross_entropy",
    "mean over masked positions too",
    "Your mean divides by all positions; masked ones do not count.",
    LOSS,
)
def _(logits, targets, mask=None):
    loss, grad = softmax_cross_entropy(logits, targets, mask)
    share = positions(logits, mask) / positions(logits, None)
    return loss * share, grad * logits.dtype.type(share)


@mistakes(
    "softmax_cross_entropy",
    "masked gradient not zero",
    "The loss leaves masked positions out, but their gradient is not zero.",
    LOSS,
)
def _(logits, targets, mask=None):
    loss, _ = softmax_cross_entropy(logits, targets, mask)
    _, grad = softmax_cross_entropy(logits, targets)
    return loss, grad * logits.dtype.type(positions(logits, None) / positions(logits, mask))


@mistakes("softmax_cross_entropy", "bits", "Your loss is in bits, log₂; it is in nats, ln.", LOSS)
def _(logits, targets, mask=None):
    loss, grad = softmax_cross_entropy(logits, targets, mask)
    return loss / np.log(2), grad / logits.dtype.type(np.log(2))


@mistakes(
    "softmax_cross_entropy",
    "bits in the loss only",
    "Your loss is in bits, log₂; it is in nats, ln.",
    LOSS,
)
def _(logits, targets, mask=None):
    loss, grad = softmax_cross_entropy(logits, targets, mask)
    return loss / np.log(2), grad


@mistakes(
    "softmax_cross_entropy",
    "gradient's sign",
    "Your gradient is one-hot minus softmax; it is softmax minus one-hot.",
    LOSS,
)
def _(logits, targets, mask=None):
    loss, grad = softmax_cross_entropy(logits, targets, mask)
    return loss, -grad


@mistakes(
    "softmax_cross_entropy",
    "loss's sign",
    "Your loss is negative: it is minus the log-probability of the target.",
    LOSS,
)
def _(logits, targets, mask=None):
    loss, grad = softmax_cross_entropy(logits, targets, mask)
    return -loss, grad


@mistakes(
    "softmax_cross_entropy",
    "gradient without the target",
    "Your gradient is the softmax alone: subtract 1 at the target.",
    LOSS,
)
def _(logits, targets, mask=None):
    loss, grad = softmax_cross_entropy(logits, targets, mask)
    counts = np.ones(targets.shape, bool) if mask is None else np.asarray(mask, bool)
    one_hot = np.eye(logits.shape[-1], dtype=logits.dtype)[targets] * counts[..., None]
    return loss, grad + one_hot / logits.dtype.type(positions(logits, mask))


@mistakes(
    "softmax_cross_entropy",
    "overflow",
    "exp overflows for large logits: subtract the largest logit of each position first.",
    LOSS,
)
def _(logits, targets, mask=None):
    e = np.exp(logits)
    p = e / e.sum(axis=-1, keepdims=True)
    counts = np.ones(targets.shape, bool) if mask is None else np.asarray(mask, bool)
    one_hot = np.eye(logits.shape[-1], dtype=logits.dtype)[targets]
    each = -np.log((p * one_hot).sum(axis=-1))
    n = logits.dtype.type(counts.sum())
    return float(each[counts].sum() / n), (p - one_hot) * counts[..., None] / n


# --------------------------------------------------------------------------------- sample_token


@mistakes(
    "sample_token",
    "multiplied by the temperature",
    "You multiply by the temperature; divide, so that a high one flattens.",
    SAMPLING,
)
def _(logits, temperature, rng):
    return sample_token(logits, 1 / temperature if temperature else 0.0, rng)


@mistakes(
    "sample_token",
    "temperature ignored",
    "The temperature has no effect: divide the logits.",
    SAMPLING,
)
def _(logits, temperature, rng):
    return sample_token(logits, 1.0 if temperature else 0.0, rng)


@mistakes("sample_token", "always the largest", "You always take the largest logit.", SAMPLING)
def _(logits, temperature, rng):
    return int(np.argmax(logits))


@mistakes("sample_token", "uniform", "You draw all classes with the same probability.", SAMPLING)
def _(logits, temperature, rng):
    return int(rng.integers(len(logits))) if temperature else int(np.argmax(logits))


@mistakes(
    "sample_token",
    "rng not used",
    "Your draws do not come from rng: the caller can neither repeat nor vary them.",
    SAMPLING,
)
def _(logits, temperature, rng, own=np.random.default_rng(7)):  # noqa: B008
    return sample_token(logits, temperature, own)


@mistakes(
    "sample_token",
    "temperature zero",
    "Temperature 0 divides by zero: it means the largest logit.",
    SAMPLING,
)
def _(logits, temperature, rng):
    z = logits / temperature
    p = np.exp(z - z.max())
    return int(rng.choice(len(p), p=p / p.sum()))


# ------------------------------------------------------------------------------- anomaly_scores


@mistakes(
    "anomaly_scores", "root taken", "You take the root; the squared distance is asked.", ANOMALY
)
def _(errors, mean, covariance):
    return np.sqrt(anomaly_scores(errors, mean, covariance))


@mistakes(
    "anomaly_scores",
    "Euclidean",
    "Your distance is the Euclidean one: the covariance is not used.",
    ANOMALY,
)
def _(errors, mean, covariance):
    return ((errors - mean) ** 2).sum(axis=1)


@mistakes(
    "anomaly_scores",
    "covariance not inverted",
    "You multiply by the covariance; divide by it: its inverse stands in the middle.",
    ANOMALY,
)
def _(errors, mean, covariance):
    d = errors - mean
    return np.einsum("ni,ij,nj->n", d, covariance, d)


@mistakes("anomaly_scores", "mean not subtracted", "The mean is not subtracted.", ANOMALY)
def _(errors, mean, covariance):
    return anomaly_scores(errors, np.zeros_like(mean), covariance)


@mistakes(
    "anomaly_scores",
    "diagonal only",
    "You divide by the variances alone: the correlations of the errors are lost.",
    ANOMALY,
)
def _(errors, mean, covariance):
    return ((errors - mean) ** 2 / np.diag(covariance)).sum(axis=1)


@mistakes(
    "anomaly_scores",
    "standard deviations for variances",
    "You divide by the covariance twice: its inverse stands there once.",
    ANOMALY,
)
def _(errors, mean, covariance):
    d = np.linalg.solve(covariance, (errors - mean).T).T
    return (d * d).sum(axis=1)


@mistakes(
    "anomaly_scores",
    "every pair",
    "Your result is (N, N): each error with every other; only each with itself counts.",
    ANOMALY,
)
def _(errors, mean, covariance):
    d = errors - mean
    return d @ np.linalg.solve(covariance, d.T)


# ---------------------------------------------------------------------------------- train_adder


def adder_by_hand(keep=30.0, open_at=1.0, shut=20.0, scale=1.0):
    """Set an LSTM that adds marked values by hand: columns of the weights are h, value, marker."""
    small = 0.01

    def row(*weights):
        return np.array([weights], dtype=float)

    params = LSTMParams(
        W_f=row(0, 0, 0),
        b_f=np.array([keep]),
        W_i=row(0, 0, 40.0),
        b_i=np.array([-shut if open_at else 20.0]),
        W_c=row(0, small, 0),
        b_c=np.zeros(1),
        W_o=row(0, 0, 0),
        b_o=np.array([30.0]),
    )
    return params, np.array([[scale / small]]), np.zeros(1)


@mistakes(
    "train_adder",
    "untrained",
    "Your error is larger than that of always predicting the mean: was it trained at all?",
    ADDER,
)
def _(rng):
    k = 0.5
    params = LSTMParams(*(rng.uniform(-k, k, s) for s in [(4, 6), 4] * 4))
    return params, rng.uniform(-k, k, (1, 4)), np.zeros(1)


@mistakes(
    "train_adder",
    "mean predicted",
    "Your model predicts the mean whatever it reads: train for longer, or with a larger rate.",
    ADDER,
)
def _(rng):
    params, W_y, _ = adder_by_hand()
    return params, np.zeros_like(W_y), np.ones(1)


@mistakes(
    "train_adder",
    "first value lost",
    "Your model knows the second marked value but not the first: it forgets on the way.",
    ADDER,
)
def _(rng):
    params, W_y, b_y = adder_by_hand(keep=3.0)
    return params, W_y, b_y + 0.45


@mistakes(
    "train_adder",
    "all values added",
    "Your model adds values that are not marked: the input gate stays open.",
    ADDER,
)
def _(rng):
    params, W_y, b_y = adder_by_hand(open_at=0.0)
    return params, W_y / 25, b_y
