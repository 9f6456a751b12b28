"""Right answers with helpers of one's own; the capstone trained by the package, in float32."""

import numpy as np

from lstm_ref import SequenceModel, adam, adding_problem, lstm_layer, mse, train


def column_statistics(array):
    mean = array.mean(axis=0, keepdims=True)
    centred = array - mean
    return mean, np.sqrt((centred * centred).mean(axis=0, keepdims=True))


def standardize(train, *others):
    mean, deviation = column_statistics(train)
    deviation[deviation < 1e-6 * (1 + np.abs(mean))] = 1
    scaled = [np.subtract(array, mean) for array in (train, *others)]
    for array in scaled:
        array /= deviation
    return tuple(scaled)


def make_windows(series, window, horizon):
    every = np.lib.stride_tricks.sliding_window_view(series, window, axis=0)
    last = len(every) - horizon
    return np.array(every[:last].transpose(0, 2, 1)), np.copy(series[-last:])


def softmax(z):
    e = np.exp(z - np.max(z, axis=-1, keepdims=True))
    return e / np.sum(e, axis=-1, keepdims=True)


def softmax_cross_entropy(logits, targets, mask=None):
    chosen = np.nonzero(np.ones_like(targets) if mask is None else mask)
    rows, labels = logits[chosen], targets[chosen]
    n = np.arange(len(labels))
    top = rows.max(axis=1)
    log_sum = top + np.log(np.exp(rows - top[:, None]).sum(axis=1))
    gradient = np.zeros_like(logits)
    probabilities = softmax(rows)
    probabilities[n, labels] -= 1
    gradient[chosen] = probabilities / len(labels)
    return np.mean(log_sum - rows[n, labels]), gradient


def sample_token(logits, temperature, rng):
    if not temperature:
        return logits.argmax()
    cumulative = np.cumsum(softmax(np.asarray(logits, dtype=float) / temperature))
    return min(int(np.searchsorted(cumulative, rng.random(), side="right")), len(logits) - 1)


def anomaly_scores(errors, mean, covariance):
    centred = (errors - mean).T
    return np.sum(centred * np.linalg.solve(covariance, centred), axis=0)


class Patience:
    """Stops a training whose errors have been small for a while."""

    def __init__(self):
        self.errors = []

    def __call__(self, progress):
        self.errors.append(progress.loss)
        return len(self.errors) > 50 and sum(self.errors[-50:]) < 50 * 0.005


def train_adder(rng):
    model = SequenceModel(lstm_layer(forget_bias=5.0), mse)
    params = model.init(rng, input_size=2, hidden_size=16, outputs=1, dtype=np.float32)
    params.layer.b_i[...] = -3

    def batch(rng, step):
        return adding_problem(rng, 50, T=50, dtype=np.float32)

    state = train(
        model.loss_and_grad,
        params,
        batch,
        adam(0.01),
        rng,
        steps=1500,
        max_norm=1.0,
        callback=Patience(),
    )
    return state.params.layer, state.params.readout.W, state.params.readout.b
