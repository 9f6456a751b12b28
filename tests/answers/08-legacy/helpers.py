"""Right answers with helpers of their own."""

import numpy as np

from lstm_ref import sigmoid


def softmax(z, where=True):
    safe = np.where(where, z, 0)
    shifted = safe - safe.max(axis=-1, keepdims=True)
    e = np.exp(np.where(where, shifted, 0)) * where
    total = e.sum(axis=-1, keepdims=True)
    return (e / np.where(total == 0, 1, total)).astype(z.dtype)


def layer_norm(y, gamma, beta, eps=1e-5):
    y64 = y.astype(np.float64)
    scaled = (y64 - y64.mean(1, keepdims=True)) / np.sqrt(y64.var(1, keepdims=True) + eps)
    return (gamma * scaled + beta).astype(y.dtype)


def gated_linear_unit(a, b):
    return sigmoid(b) * a


def scaled_dot_product_attention(q, k, v, mask=None):
    scores = (q @ k.T) / np.sqrt(np.array(q.shape[1], q.dtype))
    weights = softmax(scores, np.ones(scores.shape, bool) if mask is None else mask)
    return weights @ v, weights


def gated_attention(q, k, v, gate, mask=None):
    return gated_linear_unit(scaled_dot_product_attention(q, k, v, mask)[0], gate)


def content_addressing(memory, key, strength):
    def unit(a):
        length = np.sqrt(np.sum(a * a, axis=-1, keepdims=True))
        return a / np.where(length == 0, 1, length)

    return softmax(memory.dtype.type(strength) * (unit(memory) @ unit(key)))


def memory_write(memory, weights, erase, add):
    erased = memory * (1 - weights.reshape(-1, 1) @ erase.reshape(1, -1))
    return erased + weights.reshape(-1, 1) @ add.reshape(1, -1)


def gated_residual_network(a, params, context=None):
    W_1, b_1, W_2, b_2, W_3, W_4, b_4, W_5, b_5, gamma, beta = params
    z = a @ W_2.T + b_2
    if context is not None:
        z += context @ W_3.T
    elu = z.copy()
    elu[z < 0] = np.exp(z[z < 0]) - 1
    eta = elu @ W_1.T + b_1
    return layer_norm(a + gated_linear_unit(eta @ W_5.T + b_5, eta @ W_4.T + b_4), gamma, beta)
