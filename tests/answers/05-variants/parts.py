"""Right answers with the weights cut into their two halves."""

import numpy as np

from lstm_ref import lstm_step


def sig(z):
    return 0.5 * np.tanh(0.5 * z) + 0.5


def lin(h, x, W, b):
    H = h.shape[1]
    return h @ W[:, :H].T + x @ W[:, H:].T + b


def gru_step(x, h, params):
    z, r = sig(lin(h, x, params.W_z, params.b_z)), sig(lin(h, x, params.W_r, params.b_r))
    return h + z * (np.tanh(lin(r * h, x, params.W_h, params.b_h)) - h)


def peephole_step(x, h, c, params):
    p = params
    new = sig(lin(h, x, p.W_f, p.b_f) + c * p.p_f) * c
    new += sig(lin(h, x, p.W_i, p.b_i) + c * p.p_i) * np.tanh(lin(h, x, p.W_c, p.b_c))
    return [sig(lin(h, x, p.W_o, p.b_o) + new * p.p_o) * np.tanh(new), new]


def lstm1997_step(x, h, c, params):
    W_i, b_i, W_c, b_c, W_o, b_o = params
    new = c.copy()
    new += sig(lin(h, x, W_i, b_i)) * np.tanh(lin(h, x, W_c, b_c))
    return sig(lin(h, x, W_o, b_o)) * np.tanh(new), new


def sweep(xs, params, order):
    H = params.b_f.size
    h, c = np.zeros((2, xs.shape[1], H), xs.dtype)
    out = np.zeros((xs.shape[0], xs.shape[1], H), xs.dtype)
    for t in order:
        h, c = lstm_step(xs[t], h, c, params)
        out[t] = h
    return out, (h, c)


def bidirectional_forward(xs, forward, backward):
    T = range(xs.shape[0])
    return np.dstack([sweep(xs, forward, T)[0], sweep(xs, backward, reversed(T))[0]])


def stacked_forward(xs, layers):
    states = []
    for params in layers:
        xs, state = sweep(xs, params, range(len(xs)))
        states.append(list(state))
    return [xs, states]


def parameter_counts(input_size, hidden_size):
    D, H = input_size, hidden_size
    gate = H * (H + D + 1)
    sets = {"rnn": 1, "gru": 3, "lstm": 4, "lstm1997": 3, "peephole": 4, "bidirectional": 8}
    counts = {name: n * gate for name, n in sets.items()}
    counts["peephole"] += 3 * H
    return counts
