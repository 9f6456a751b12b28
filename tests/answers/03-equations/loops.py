"""Right answers in plain loops over the batch and the units."""

import math

import numpy as np


def squash(z):
    """Sigmoid of a number."""
    if z >= 0:
        return 1 / (1 + math.exp(-z))
    e = math.exp(z)
    return e / (1 + e)


def affine(h, x, W, b, act):
    out = np.empty((h.shape[0], b.shape[0]), dtype=W.dtype)
    for n in range(h.shape[0]):
        joined = list(h[n]) + list(x[n])
        for k in range(b.shape[0]):
            z = float(b[k])
            for weight, value in zip(W[k], joined, strict=True):
                z += float(weight) * float(value)
            out[n, k] = act(z)
    return out


def forget_gate(h, x, W_f, b_f):
    return affine(h, x, W_f, b_f, squash)


def input_gate(h, x, W_i, b_i, W_c, b_c):
    return [affine(h, x, W_i, b_i, squash), affine(h, x, W_c, b_c, math.tanh)]


def update_cell(f, c_prev, i, candidate):
    out = np.zeros_like(c_prev)
    for index in np.ndindex(out.shape):
        out[index] = f[index] * c_prev[index] + i[index] * candidate[index]
    return out


def output_gate(h, x, c, W_o, b_o):
    o = affine(h, x, W_o, b_o, squash)
    h_next = np.empty_like(o)
    for index in np.ndindex(o.shape):
        h_next[index] = o[index] * math.tanh(c[index])
    return [o, h_next]


def lstm_step(x, h, c, params):
    f = forget_gate(h, x, params.W_f, params.b_f)
    i, candidate = input_gate(h, x, params.W_i, params.b_i, params.W_c, params.b_c)
    c_next = update_cell(f, c, i, candidate)
    return [output_gate(h, x, c_next, params.W_o, params.b_o)[1], c_next]


def lstm_forward(xs, h0, c0, params, lengths=None):
    steps, batch, _ = xs.shape
    hs = np.zeros((steps, batch, h0.shape[1]), dtype=xs.dtype)
    h, c = np.array(h0), np.array(c0)
    for n in range(batch):
        end = steps if lengths is None else int(lengths[n])
        for t in range(end):
            row = slice(n, n + 1)
            h[row], c[row] = lstm_step(xs[t, row], h[row].copy(), c[row].copy(), params)
            hs[t, n] = h[n]
    return [hs, [h, c]]


def count_parameters(input_size, hidden_size):
    total = 0
    for _ in ["forget", "input", "candidate", "output"]:
        for _ in range(hidden_size):
            total += hidden_size + input_size + 1
    return total
