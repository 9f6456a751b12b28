"""Right answers with pcolormesh and bars."""

import numpy as np


def s(z):
    return 0.5 + 0.5 * np.tanh(0.5 * z)


def gate_trace(xs, h0, c0, params):
    p, T, (B, H) = params, len(xs), h0.shape
    out = {key: np.zeros((T, B, H), xs.dtype) for key in ("h", "c", "o", "candidate", "i", "f")}
    h, c = h0.copy(), c0.copy()
    for t in range(T):
        v = np.hstack([h, xs[t]])
        out["f"][t], out["i"][t] = s(v @ p.W_f.T + p.b_f), s(v @ p.W_i.T + p.b_i)
        out["candidate"][t], out["o"][t] = np.tanh(v @ p.W_c.T + p.b_c), s(v @ p.W_o.T + p.b_o)
        c = out["f"][t] * c + out["i"][t] * out["candidate"][t]
        h = out["o"][t] * np.tanh(c)
        out["c"][t], out["h"][t] = c, h
    return out


def belt_contributions(f, i, candidate, c0):
    T = len(f)
    rows = []
    for t in range(T):
        row = [c0 * np.prod(f[: t + 1])]
        row += [i[k] * candidate[k] * np.prod(f[k + 1 : t + 1]) if k <= t else 0 for k in range(T)]
        rows.append(row)
    return np.array(rows, dtype=f.dtype)


def plot_gate_heatmap(gate, ax):
    T, H = gate.shape
    mesh = ax.pcolormesh(np.arange(T + 1), np.arange(H + 1), gate.T)
    mesh.set_clim(0, 1)
    ax.invert_yaxis()
    ax.set(xlabel="time", ylabel="hidden unit", title="forget gate")
    return mesh


def plot_belt(contributions, ax):
    heights = np.abs(contributions)
    bottom = np.zeros(len(heights))
    for k in range(heights.shape[1]):
        ax.bar(np.arange(1, len(heights) + 1), heights[:, k], bottom=bottom, label=str(k))
        bottom += heights[:, k]
    ax.set_xlabel("time")
    ax.set_ylabel("|content|")
    ax.set_title("belt", loc="left")
