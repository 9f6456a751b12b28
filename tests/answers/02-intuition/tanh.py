"""Right answers with tanh and cumulative products."""

import numpy as np

from lstm_ref import LSTMParams


def sigmoid(z):
    z = np.asarray(z)
    return 0.5 + 0.5 * np.tanh(0.5 * z)


def apply_gate(z, v):
    gate = sigmoid(z)
    return np.einsum("...,...->...", gate, v)


def carry(c0, f, i, candidate):
    out = i * candidate
    out[0] += f[0] * c0
    for t in range(1, len(out)):
        out[t] += f[t] * out[t - 1]
    return out


def half_life(f):
    f = np.asarray(f)
    out = np.zeros_like(f)
    out[f == 1] = np.inf
    inside = (f > 0) & (f < 1)
    out[inside] = -1 / np.log2(f[inside])
    return out


def latch_params():
    big = 100.0
    return LSTMParams(
        W_f=np.array([[0, 0, -big]]),
        b_f=np.array([big / 2]),
        W_i=np.array([[0, 0, big]]),
        b_i=np.array([-big / 2]),
        W_c=np.array([[0, big, 0]]),
        b_c=np.zeros(1),
        W_o=np.zeros((1, 3)),
        b_o=np.array([big]),
    )
