"""Right answers without a loop; the capstone is a training loop by hand."""

import numpy as np

import lstm_ref
from lstm_ref import fast


def standardize(train, *others):
    low, high = train.min(axis=0), train.max(axis=0)
    scale = np.where(low == high, np.inf, train.std(axis=0))
    return [((a - train.mean(axis=0)) / scale).astype(train.dtype) for a in (train, *others)]


def make_windows(series, window, horizon):
    starts = np.arange(len(series) - window - horizon + 1)
    inside = starts[:, None] + np.arange(window)
    return series[inside], series[starts + window + horizon - 1]


def softmax_cross_entropy(logits, targets, mask=None):
    weight = np.ones(targets.shape) if mask is None else np.asarray(mask, dtype=float)
    weight = weight / weight.sum()
    shifted = logits - logits.max(axis=-1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    one_hot = np.eye(logits.shape[-1])[targets]
    loss = -(weight * (one_hot * log_p).sum(axis=-1)).sum()
    return loss, (weight[..., None] * (np.exp(log_p) - one_hot)).astype(logits.dtype)


def sample_token(logits, temperature, rng):
    if temperature == 0:
        return np.argmax(logits)
    return np.argmax(logits / temperature + rng.gumbel(size=logits.shape))


def anomaly_scores(errors, mean, covariance):
    d = errors - mean
    return np.einsum("ni,ij,nj->n", d, np.linalg.inv(covariance), d)


def adding_batch(rng, size):
    values, markers = rng.random((50, size)), np.zeros((50, size))
    markers[rng.integers(0, 25, size), np.arange(size)] = 1
    markers[rng.integers(25, 50, size), np.arange(size)] = 1
    return np.stack([values, markers], axis=2), (values * markers).sum(axis=0)


def train_adder(rng):
    B, H = 64, 16
    lstm = lstm_ref.init_lstm_params(rng, 2, H, forget_bias=4.0)
    params = [lstm._replace(b_i=lstm.b_i - 3), rng.uniform(-0.25, 0.25, (1, H)), np.zeros(1)]
    optimizer = lstm_ref.adam(0.02)
    state, zero, recent = optimizer.init(params), np.zeros((B, H)), np.ones(30)
    for step in range(600):
        xs, y = adding_batch(rng, B)
        hs, (h_T, _), tape = fast.lstm_forward_cached(xs, zero, zero, params[0])
        error = h_T @ params[1][0] + params[2] - y
        dy = 2 / B * error
        dhs = np.zeros_like(hs)
        dhs[-1] = dy[:, None] * params[1]
        grads = [fast.lstm_backward(dhs, tape)[3], dy[None] @ h_T, [dy.sum()]]
        grads[2] = np.array(grads[2])
        grads, _ = lstm_ref.clip_by_global_norm(grads, 1.0)
        params, state = optimizer.update(grads, state, params)
        recent[step % 30] = np.mean(error**2)
        if recent.mean() < 0.006:
            break
    return params
