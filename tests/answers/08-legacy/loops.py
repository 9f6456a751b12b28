"""Right answers row by row."""

import math

import numpy as np


def gated_linear_unit(a, b):
    out = np.empty_like(a)
    for k in np.ndindex(a.shape):
        z = float(b[k])
        gate = (
            1 / (1 + math.exp(-z))
            if z > 0
            else math.exp(max(z, -745)) / (1 + math.exp(max(z, -745)))
        )
        out[k] = a[k] * gate
    return out


def scaled_dot_product_attention(q, k, v, mask=None):
    out = np.zeros((len(q), v.shape[1]), q.dtype)
    weights = np.zeros((len(q), len(k)), q.dtype)
    for row in range(len(q)):
        which = np.arange(len(k)) if mask is None else np.flatnonzero(mask[row])
        if which.size == 0:
            continue
        scores = k[which] @ q[row] / math.sqrt(q.shape[1])
        e = np.exp(scores - scores.max())
        weights[row, which] = e / e.sum()
        out[row] = weights[row] @ v
    return [out, weights]


def gated_attention(q, k, v, gate, mask=None):
    out, _ = scaled_dot_product_attention(q, k, v, mask)
    return gated_linear_unit(out, gate)


def content_addressing(memory, key, strength):
    scores = []
    for row in memory:
        length = math.sqrt(float(row @ row)) * math.sqrt(float(key @ key))
        scores.append(strength * float(row @ key) / length if length else 0.0)
    e = np.exp(np.array(scores) - max(scores))
    return (e / e.sum()).astype(memory.dtype)


def memory_write(memory, weights, erase, add):
    out = memory.copy()
    for n in range(len(out)):
        out[n] = out[n] * (1 - weights[n] * erase)
        out[n] += weights[n] * add
    return out


def gated_residual_network(a, params, context=None):
    p, rows = params, []
    for n in range(len(a)):
        z = p.W_2 @ a[n] + p.b_2 + (0 if context is None else p.W_3 @ context[n])
        elu = np.array([v if v > 0 else math.expm1(v) for v in z], a.dtype)
        eta = p.W_1 @ elu + p.b_1
        y = a[n] + gated_linear_unit(p.W_5 @ eta + p.b_5, p.W_4 @ eta + p.b_4)
        rows.append((y - y.mean()) / np.sqrt(y.var() + a.dtype.type(1e-5)) * p.gamma + p.beta)
    return np.stack(rows)
