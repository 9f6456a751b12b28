"""Right answers in few lines."""

from functools import reduce
from itertools import accumulate

import numpy as np


def rnn_step(x, h, W, b):
    return np.tanh((W @ np.hstack([h, x]).T).T + b)


def rnn_forward(xs, h0, W, b):
    return np.stack(list(accumulate(xs, lambda h, x: rnn_step(x, h, W, b), initial=h0))[1:])


def rnn_jacobian(h_next, W):
    return (1 - h_next**2)[..., None] * W[None, :, : len(W)]


def gradient_norms(jacobians):
    eye = np.eye(jacobians.shape[-1], dtype=jacobians.dtype)
    chains = [reduce(np.matmul, jacobians[::-1][:k], eye) for k in range(len(jacobians) + 1)]
    return np.linalg.norm(np.stack(chains), 2, axis=(1, 2))


def clip_by_global_norm(grads, max_norm):
    norm = np.sqrt(np.sum([np.sum(np.square(g, dtype=np.float64)) for g in grads.values()]))
    factor = max_norm / max(norm, max_norm)
    return {k: np.multiply(g, factor, dtype=g.dtype) for k, g in grads.items()}, float(norm)
