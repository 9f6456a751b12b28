"""Right answers with one product for all gates, as a practitioner would write them."""

import numpy as np


def logistic(z):
    out = np.empty_like(z)
    positive = z >= 0
    out[positive] = 1 / (1 + np.exp(-z[positive]))
    e = np.exp(z[~positive])
    out[~positive] = e / (1 + e)
    return out


def forget_gate(h, x, W_f, b_f):
    return logistic((W_f @ np.hstack((h, x)).T + b_f[:, None]).T)


def input_gate(h, x, W_i, b_i, W_c, b_c):
    both = np.c_[h, x] @ np.vstack((W_i, W_c)).T + np.concatenate((b_i, b_c))
    i, g = np.split(both, 2, axis=1)
    return logistic(i), np.tanh(g)


def update_cell(f, c_prev, i, candidate):
    return np.add(np.multiply(f, c_prev), np.multiply(i, candidate))


def output_gate(h, x, c, W_o, b_o):
    o = logistic(np.dot(np.concatenate((h, x), -1), W_o.transpose()) + b_o)
    return np.stack([o, o * np.tanh(c)])


def lstm_step(x, h, c, params):
    W = np.concatenate([params.W_f, params.W_i, params.W_o, params.W_c])
    b = np.concatenate([params.b_f, params.b_i, params.b_o, params.b_c])
    z = np.concatenate([h, x], axis=1) @ W.T + b
    H = h.shape[1]
    f, i, o = (logistic(z[:, k * H : (k + 1) * H]) for k in range(3))
    c_next = f * c + i * np.tanh(z[:, 3 * H :])
    return o * np.tanh(c_next), c_next


def lstm_forward(xs, h0, c0, params, lengths=None):
    T, B = xs.shape[:2]
    lengths = np.full(B, T) if lengths is None else lengths
    hs = np.zeros((T, B, h0.shape[1]), h0.dtype)
    cs = np.zeros_like(hs)
    h, c = h0, c0
    for t in range(T):
        hs[t], cs[t] = h, c = lstm_step(xs[t], h, c, params)
    past = np.arange(T)[:, None] >= lengths
    hs[past] = 0
    rows = np.arange(B)
    last = np.maximum(lengths, 1) - 1
    empty = (lengths == 0)[:, None]
    return hs, (np.where(empty, h0, hs[last, rows]), np.where(empty, c0, cs[last, rows]))


def count_parameters(input_size, hidden_size):
    return np.int64(4) * hidden_size * (hidden_size + input_size + 1)
