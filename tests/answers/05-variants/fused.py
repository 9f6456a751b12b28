"""Right answers with fused gates and the library's forward pass."""

import numpy as np

from lstm_ref import lstm_forward, sigmoid


def gru_step(x, h, params):
    hx = np.hstack([h, x])
    both = sigmoid(hx @ np.vstack([params.W_z, params.W_r]).T + np.hstack([params.b_z, params.b_r]))
    z, r = np.split(both, 2, axis=1)
    new = np.tanh(np.hstack([r * h, x]) @ params.W_h.T + params.b_h)
    return z * new + (1 - z) * h


def peephole_step(x, h, c, params):
    p = params
    W = np.vstack([p.W_f, p.W_i, p.W_c, p.W_o])
    b = np.hstack([p.b_f, p.b_i, p.b_c, p.b_o])
    f, i, g, o = np.split(np.hstack([h, x]) @ W.T + b, 4, axis=1)
    c_next = sigmoid(f + p.p_f * c) * c + sigmoid(i + p.p_i * c) * np.tanh(g)
    return sigmoid(o + p.p_o * c_next) * np.tanh(c_next), c_next


def lstm1997_step(x, h, c, params):
    p = params
    z = np.hstack([h, x]) @ np.vstack([p.W_i, p.W_c, p.W_o]).T + np.hstack([p.b_i, p.b_c, p.b_o])
    i, g, o = np.split(z, 3, axis=1)
    c_next = c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c_next), c_next


def bidirectional_forward(xs, forward, backward):
    def zero(p):
        return np.zeros((xs.shape[1], len(p.b_f)), xs.dtype)

    a = lstm_forward(xs, zero(forward), zero(forward), forward)[0]
    b = lstm_forward(np.flip(xs, 0), zero(backward), zero(backward), backward)[0]
    return np.concatenate((a, np.flip(b, 0)), axis=-1)


def stacked_forward(xs, layers):
    hs, states = xs, []
    for p in layers:
        h0 = np.zeros((xs.shape[1], len(p.b_o)), dtype=xs.dtype)
        hs, last = lstm_forward(hs, h0, h0.copy(), p)
        states += [last]
    return hs, tuple(states)


def parameter_counts(input_size, hidden_size):
    shapes = [(hidden_size, hidden_size + input_size), (hidden_size,)]
    one = sum(np.prod(shape) for shape in shapes)
    return dict(
        rnn=one,
        gru=one * 3,
        lstm=one * 4,
        lstm1997=one * 3,
        peephole=one * 4 + hidden_size * 3,
        bidirectional=one * 8,
    )
