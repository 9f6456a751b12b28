"""Right answers gate by gate, sequence by sequence."""

import numpy as np

from lstm_ref import LSTMParams


def lstm_step_backward(dh_next, dc_next, cache, params):
    B, H = dh_next.shape
    D = cache.x.shape[1]
    dx, dh, dc = np.zeros((B, D), dh_next.dtype), np.zeros_like(dh_next), np.zeros_like(dc_next)
    grads = {name: np.zeros_like(value) for name, value in params._asdict().items()}
    for n in range(B):
        s = {name: value[n] for name, value in cache._asdict().items()}
        t = np.tanh(s["c_next"])
        total = dc_next[n] + dh_next[n] * s["o"] * (1 - t * t)
        delta = {
            "f": total * s["c"] * s["f"] * (1 - s["f"]),
            "i": total * s["candidate"] * s["i"] * (1 - s["i"]),
            "c": total * s["i"] * (1 - s["candidate"] ** 2),
            "o": dh_next[n] * t * s["o"] * (1 - s["o"]),
        }
        joined = np.concatenate([s["h"], s["x"]])
        both = np.zeros(H + D, dh_next.dtype)
        for gate, d in delta.items():
            grads[f"W_{gate}"] += np.outer(d, joined)
            grads[f"b_{gate}"] += d
            both += d @ getattr(params, f"W_{gate}")
        dh[n], dx[n], dc[n] = both[:H], both[H:], total * s["f"]
    return [dx, dh, dc, LSTMParams(**grads)]


def lstm_backward(dhs, caches, params):
    T = len(caches)
    dh = dc = np.zeros(dhs.shape[1:], dhs.dtype)
    dxs = np.zeros((T, *caches[0].x.shape), dhs.dtype)
    total = None
    for t in range(T - 1, -1, -1):
        dxs[t], dh, dc, grads = lstm_step_backward(dh + dhs[t], dc, caches[t], params)
        total = grads if total is None else [a + b for a, b in zip(total, grads, strict=True)]
    return dxs, dh, dc, total


def numerical_gradient(f, x, eps=1e-5):
    out = np.zeros(x.shape)
    for k in np.ndindex(*x.shape):
        up, down = x.copy(), x.copy()
        up[k] += eps
        down[k] -= eps
        out[k] = (f(up) - f(down)) / (2 * eps)
    return out


def carousel_gradient(fs):
    out = np.ones((len(fs) + 1, *fs.shape[1:]), fs.dtype)
    for t in range(len(fs) - 1, -1, -1):
        out[t] = out[t + 1] * fs[t]
    return out


def init_lstm_params(rng, input_size, hidden_size, forget_bias=1.0):
    k = hidden_size**-0.5
    fields = {}
    for gate in "fico":
        W = (2 * rng.random((hidden_size, hidden_size + input_size)) - 1) * k
        fields[f"W_{gate}"], fields[f"b_{gate}"] = W, np.zeros(hidden_size)
    fields["b_f"] += forget_bias
    return LSTMParams(**fields)
