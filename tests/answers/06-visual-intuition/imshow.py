"""Right answers with imshow and stackplot."""

import numpy as np

from lstm_ref import sigmoid


def gate_trace(xs, h0, c0, params):
    h, c, trace = h0, c0, {key: [] for key in ("f", "i", "candidate", "o", "c", "h")}
    for x in xs:
        hx = np.concatenate([h, x], axis=1)
        f = sigmoid(hx @ params.W_f.T + params.b_f)
        i = sigmoid(hx @ params.W_i.T + params.b_i)
        g = np.tanh(hx @ params.W_c.T + params.b_c)
        o = sigmoid(hx @ params.W_o.T + params.b_o)
        c = f * c + i * g
        h = o * np.tanh(c)
        for key, value in zip(trace, (f, i, g, o, c, h), strict=True):
            trace[key].append(value)
    return {key: np.stack(values) for key, values in trace.items()}


def belt_contributions(f, i, candidate, c0):
    T = len(f)
    out = np.zeros((T, T + 1), f.dtype)
    for t in range(T):
        out[t] = f[t] * (out[t - 1] if t else np.eye(1, T + 1, dtype=f.dtype)[0] * f.dtype.type(c0))
        out[t, t + 1] = i[t] * candidate[t]
    return out


def plot_gate_heatmap(gate, ax):
    image = ax.imshow(gate.transpose(), vmin=0.0, vmax=1.0, cmap="viridis", aspect="auto")
    ax.set_xlabel("step")
    ax.set_ylabel("unit")
    ax.set_title("gate")
    return image


def plot_belt(contributions, ax):
    ax.stackplot(range(len(contributions)), *np.abs(contributions.T))
    ax.set(xlabel="step", ylabel="content", title="belt")
