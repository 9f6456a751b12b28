"""Right answers with einsum, hstack and masks in place on own copies."""

import numpy as np


def sig(z):
    return 0.5 * (1 + np.tanh(0.5 * z))


def pre(h, x, W, b):
    H = b.size
    return np.einsum("bj,ij->bi", h, W[:, :H]) + np.einsum("bj,ij->bi", x, W[:, H:]) + b


def forget_gate(h, x, W_f, b_f):
    return sig(pre(h, x, W_f, b_f))


def input_gate(h, x, W_i, b_i, W_c, b_c):
    return sig(pre(h, x, W_i, b_i)), np.tanh(pre(h, x, W_c, b_c))


def update_cell(f, c_prev, i, candidate):
    out = c_prev.copy()
    out *= f
    out += i * candidate
    return out


def output_gate(h, x, c, W_o, b_o):
    gate = sig(pre(h, x, W_o, b_o))
    return gate, np.multiply(gate, np.tanh(c))


def lstm_step(x, h, c, params):
    W_f, b_f, W_i, b_i, W_c, b_c, W_o, b_o = params
    c_new = sig(pre(h, x, W_f, b_f)) * c
    c_new += sig(pre(h, x, W_i, b_i)) * np.tanh(pre(h, x, W_c, b_c))
    return sig(pre(h, x, W_o, b_o)) * np.tanh(c_new), c_new


def lstm_forward(xs, h0, c0, params, lengths=None):
    h, c = h0.copy(), c0.copy()
    out = []
    for t in range(xs.shape[0]):
        mask = np.ones(len(h), bool) if lengths is None else lengths > t
        row = np.zeros_like(h)
        if mask.any():
            h[mask], c[mask] = lstm_step(xs[t][mask], h[mask], c[mask], params)
            row[mask] = h[mask]
        out.append(row)
    return np.stack(out), (h, c)


def count_parameters(input_size, hidden_size):
    shapes = 4 * [(hidden_size, hidden_size + input_size), (hidden_size,)]
    return sum(int(np.prod(shape)) for shape in shapes)
