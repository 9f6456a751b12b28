"""Right answers with masks as additive scores and tanh for σ."""

import numpy as np


def s(z):
    return 0.5 + 0.5 * np.tanh(z / 2)


def gated_linear_unit(a, b):
    return np.multiply(a, s(b))


def scaled_dot_product_attention(q, k, v, mask=None):
    logits = np.einsum("id,jd->ij", q, k) * q.shape[-1] ** -0.5
    logits = logits.astype(q.dtype)
    if mask is None:
        mask = np.ones_like(logits, dtype=bool)
    logits[~mask] = -np.inf
    top = np.max(logits, axis=-1, keepdims=True)
    top[np.isneginf(top)] = 0
    e = np.exp(logits - top)
    total = e.sum(-1, keepdims=True)
    total[total == 0] = 1
    w = e / total
    return np.einsum("ij,jm->im", w, v), w


def gated_attention(q, k, v, gate, mask=None):
    return s(gate) * scaled_dot_product_attention(q, k, v, mask)[0]


def content_addressing(memory, key, strength):
    dots = memory.dot(key)
    norms = np.linalg.norm(memory, axis=1) * np.linalg.norm(key)
    cosine = np.divide(dots, norms, out=np.zeros_like(dots), where=norms > 0)
    z = np.asarray(strength * cosine, memory.dtype)
    w = np.exp(z - np.logaddexp.reduce(z))
    return w


def memory_write(memory, weights, erase, add):
    w = weights[:, None]
    return memory - memory * w * erase[None] + w * add[None]


def gated_residual_network(a, params, context=None):
    q = params
    z = a @ q.W_2.T + q.b_2
    z = z if context is None else z + np.einsum("bc,hc->bh", context, q.W_3)
    elu = np.maximum(z, 0) + np.expm1(np.minimum(z, 0))
    eta = elu @ q.W_1.T + q.b_1
    y = a + s(eta @ q.W_4.T + q.b_4) * (eta @ q.W_5.T + q.b_5)
    mean = y.mean(-1)[:, None]
    var = ((y - mean) ** 2).mean(-1)[:, None]
    return q.gamma * (y - mean) * (var + a.dtype.type(1e-5)) ** a.dtype.type(-0.5) + q.beta
