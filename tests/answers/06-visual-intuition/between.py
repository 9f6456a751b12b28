"""Right answers with a flipped image and fill_between."""

import numpy as np

from lstm_ref import sigmoid


def gate_trace(xs, h0, c0, params):
    W = np.vstack([params.W_f, params.W_i, params.W_c, params.W_o])
    b = np.hstack([params.b_f, params.b_i, params.b_c, params.b_o])
    rows, h, c = [], h0, c0
    for x in xs:
        f, i, g, o = np.split(np.hstack([h, x]) @ W.T + b, 4, axis=1)
        f, i, g, o = sigmoid(f), sigmoid(i), np.tanh(g), sigmoid(o)
        c = c * f + g * i
        h = np.tanh(c) * o
        rows.append([f, i, g, o, c, h])
    stacked = np.array(rows).swapaxes(0, 1)
    return dict(zip(["f", "i", "candidate", "o", "c", "h"], stacked, strict=True))


def belt_contributions(f, i, candidate, c0):
    T = f.size
    items = np.hstack([np.array([c0], f.dtype), i * candidate])
    kept = np.zeros((T, T + 1), f.dtype)
    for s in range(T + 1):
        for t in range(max(s - 1, 0), T):
            kept[t, s] = 1 if t == s - 1 else f[t] * (kept[t - 1, s] if t > 0 else 1)
    return kept * items


def plot_gate_heatmap(gate, ax):
    image = ax.imshow(gate.T[::-1], origin="lower", aspect="auto", clim=(0, 1))
    ax.set(xlabel="t", ylabel="unit")
    ax.figure.suptitle("How open is the gate?")
    return image


def plot_belt(contributions, ax):
    low = np.zeros(len(contributions))
    for column in np.abs(contributions).T:
        ax.fill_between(np.arange(len(low)), low, low + column)
        low = low + column
    ax.set(title="The belt", xlabel="t", ylabel="content")
