"""Right answers row by row; the capstone set by hand, one unit that adds what is marked."""

import math

import numpy as np

from lstm_ref import LSTMParams


def standardize(train, *others):
    out = [np.zeros_like(a) for a in (train, *others)]
    for k in range(train.shape[1]):
        column = [float(v) for v in train[:, k]]
        mean = math.fsum(column) / len(column)
        deviation = math.sqrt(math.fsum((v - mean) ** 2 for v in column) / len(column))
        for new, old in zip(out, (train, *others), strict=True):
            for n in range(len(old)):
                new[n, k] = (old[n, k] - mean) / (deviation or 1)
    return tuple(out)


def make_windows(series, window, horizon):
    X, y, start = [], [], 0
    while start + window + horizon <= len(series):
        X.append(series[start : start + window])
        y.append(series[start + window - 1 + horizon])
        start += 1
    return np.array(X), np.array(y)


def softmax_cross_entropy(logits, targets, mask=None):
    gradient, losses = np.zeros_like(logits), []
    where = [place for place in np.ndindex(targets.shape) if mask is None or mask[place]]
    for place in where:
        z = logits[place] - max(logits[place])
        e = np.exp(z)
        losses.append(math.log(e.sum()) - float(z[targets[place]]))
        gradient[place] = e / e.sum() / len(where)
        gradient[(*place, targets[place])] -= 1 / len(where)
    return sum(losses) / len(where), gradient


def sample_token(logits, temperature, rng):
    if temperature == 0:
        return int(np.argmax(logits))
    weights = [math.exp((float(z) - float(max(logits))) / temperature) for z in logits]
    left = rng.random() * sum(weights)
    for token, weight in enumerate(weights):
        left -= weight
        if left < 0:
            return token
    return len(weights) - 1


def anomaly_scores(errors, mean, covariance):
    root = np.linalg.cholesky(covariance)
    scores = [np.square(np.linalg.solve(root, e - mean)).sum() for e in errors]
    return np.array(scores, errors.dtype)


def train_adder(rng):
    # The marker alone opens the input gate; a small candidate is as good as linear.
    small = 0.01
    params = LSTMParams(
        W_f=np.zeros((1, 3)),
        b_f=np.array([30.0]),
        W_i=np.array([[0.0, 0.0, 40.0]]),
        b_i=np.array([-20.0]),
        W_c=np.array([[0.0, small, 0.0]]),
        b_c=np.zeros(1),
        W_o=np.zeros((1, 3)),
        b_o=np.array([30.0]),
    )
    return params, np.array([[1 / small]]), np.zeros(1)
