"""Right answers with one product for all gates."""

import numpy as np

from lstm_ref import LSTMParams


def lstm_step_backward(dh_next, dc_next, cache, params):
    x, h, c, f, i, g, o, c_next = cache
    th = np.tanh(c_next)
    dct = dc_next.copy()
    dct += dh_next * o * (1 - th**2)
    local = np.concatenate([f - f**2, i - i**2, 1 - g**2, o - o**2], axis=1)
    upstream = np.concatenate([dct * c, dct * g, dct * i, dh_next * th], axis=1)
    delta = upstream * local
    W = np.concatenate([params.W_f, params.W_i, params.W_c, params.W_o])
    H = h.shape[1]
    dhx = delta @ W
    dW = np.split(delta.T @ np.hstack([h, x]), 4)
    db = np.split(delta.sum(0), 4)
    grads = LSTMParams(*(a for pair in zip(dW, db, strict=True) for a in pair))
    return dhx[:, H:], dhx[:, :H], f * dct, grads


def lstm_backward(dhs, caches, params):
    dh, dc = np.zeros_like(dhs[-1]), np.zeros_like(dhs[-1])
    dxs, grads = [], LSTMParams(*map(np.zeros_like, params))
    for d, cache in zip(dhs[::-1], caches[::-1], strict=True):
        dx, dh, dc, new = lstm_step_backward(d + dh, dc, cache, params)
        dxs.insert(0, dx)
        grads = LSTMParams(*map(np.add, grads, new))
    return np.array(dxs), dh, dc, tuple(grads)


def numerical_gradient(f, x, eps=1e-5):
    flat = x.astype(np.float64).ravel()
    out = []
    for e in eps * np.eye(flat.size):
        above, below = f((flat + e).reshape(x.shape)), f((flat - e).reshape(x.shape))
        out.append((above - below) / (2 * eps))
    return np.array(out).reshape(x.shape)


def carousel_gradient(fs):
    ones = np.ones((1, *fs.shape[1:]), fs.dtype)
    return np.flip(np.cumprod(np.concatenate([ones, np.flip(fs, 0)]), axis=0), 0).copy()


def init_lstm_params(rng, input_size, hidden_size, forget_bias=1.0):
    bound = 1 / np.sqrt(hidden_size)
    big = rng.uniform(-bound, bound, (4, hidden_size, hidden_size + input_size))
    zero = np.zeros(hidden_size)
    return [
        big[0],
        zero + forget_bias,
        big[1],
        zero.copy(),
        big[2],
        zero.copy(),
        big[3],
        zero.copy(),
    ]
