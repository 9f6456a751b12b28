"""Right answers sequence by sequence."""

import numpy as np


def sigma(z):
    e = np.exp(-np.abs(z))
    return np.where(z < 0, e, np.ones_like(e)) / (1 + e)


def gru_step(x, h, params):
    out = np.empty_like(h)
    for n in range(len(h)):
        v = np.concatenate([h[n], x[n]])
        z, r = sigma(params.W_z @ v + params.b_z), sigma(params.W_r @ v + params.b_r)
        g = np.tanh(params.W_h @ np.concatenate([r * h[n], x[n]]) + params.b_h)
        out[n] = (1 - z) * h[n] + z * g
    return out


def peephole_step(x, h, c, params):
    hs, cs, p = np.empty_like(h), np.empty_like(c), params
    for n in range(len(h)):
        v = np.concatenate([h[n], x[n]])
        f = sigma(p.W_f @ v + p.b_f + np.diag(p.p_f) @ c[n])
        i = sigma(p.W_i @ v + p.b_i + np.diag(p.p_i) @ c[n])
        cs[n] = f * c[n] + i * np.tanh(p.W_c @ v + p.b_c)
        hs[n] = sigma(p.W_o @ v + p.b_o + np.diag(p.p_o) @ cs[n]) * np.tanh(cs[n])
    return hs, cs


def lstm1997_step(x, h, c, params):
    hs, cs, p = np.empty_like(h), np.empty_like(c), params
    for n in range(len(h)):
        v = np.concatenate([h[n], x[n]])
        cs[n] = c[n] + sigma(p.W_i @ v + p.b_i) * np.tanh(p.W_c @ v + p.b_c)
        hs[n] = sigma(p.W_o @ v + p.b_o) * np.tanh(cs[n])
    return hs, cs


def walk(xs, p):
    H = p.b_f.size
    h, c, out = np.zeros((xs.shape[1], H), xs.dtype), np.zeros((xs.shape[1], H), xs.dtype), []
    for x in xs:
        v = np.concatenate([h, x], axis=1)
        c = sigma(v @ p.W_f.T + p.b_f) * c + sigma(v @ p.W_i.T + p.b_i) * np.tanh(
            v @ p.W_c.T + p.b_c
        )
        h = sigma(v @ p.W_o.T + p.b_o) * np.tanh(c)
        out.append(h)
    return np.stack(out), (h, c)


def bidirectional_forward(xs, forward, backward):
    ahead, behind = walk(xs, forward)[0], walk(xs[::-1].copy(), backward)[0]
    return np.stack([np.hstack([ahead[t], behind[-1 - t]]) for t in range(len(xs))])


def stacked_forward(xs, layers):
    if not layers:
        return xs, []
    below, states = stacked_forward(xs, layers[:-1])
    hs, last = walk(below, layers[-1])
    return hs, [*states, last]


def parameter_counts(input_size, hidden_size):
    def gates(n):
        return n * hidden_size * hidden_size + n * hidden_size * input_size + n * hidden_size

    return {
        "bidirectional": 2 * gates(4),
        "peephole": gates(4) + hidden_size + hidden_size + hidden_size,
        "lstm1997": gates(3),
        "lstm": gates(4),
        "gru": gates(3),
        "rnn": gates(1),
    }
