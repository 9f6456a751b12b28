"""What learners get wrong in assignment 08: short wrong implementations, each with its sentence."""

import numpy as np

from lstm_ref import (
    content_addressing,
    gated_attention,
    gated_residual_network,
    scaled_dot_product_attention,
    sigmoid,
)
from lstm_ref.checks.exercise import Mistakes, Place

__all__ = ["mistakes"]

PAGE = "08-legacy"
GLU = Place(PAGE, "sec-glu", "Gated linear units")
ATTENTION = Place(PAGE, "sec-attention", "Attention as soft addressing")
MASK = Place(PAGE, "sec-attention-mask", "What may be attended to")
GATED = Place(PAGE, "sec-gated-attention", "Gated attention")
ADDRESS = Place(PAGE, "sec-content-addressing", "Finding by content")
WRITE = Place(PAGE, "sec-memory-write", "Erase, then add")
GRN = Place(PAGE, "sec-grn", "The gated residual network")

mistakes = Mistakes()

# ---------------------------------------------------------------------------- gated_linear_unit


@mistakes("gated_linear_unit", "wrong half gated", "σ is on a; it belongs on b, the gate.", GLU)
def _(a, b):
    return sigmoid(a) * b


@mistakes("gated_linear_unit", "no sigmoid", "You multiply by b itself; the gate is σ(b).", GLU)
def _(a, b):
    return a * b


@mistakes("gated_linear_unit", "tanh for sigmoid", "The gate is tanh(b); it needs σ.", GLU)
def _(a, b):
    return a * np.tanh(b)


@mistakes(
    "gated_linear_unit",
    "tanh on the value",
    "The value a passes tanh in your answer, as in an LSTM; here it stays linear.",
    GLU,
)
def _(a, b):
    return np.tanh(a) * sigmoid(b)


@mistakes("gated_linear_unit", "gate added", "You add the gate; it multiplies.", GLU)
def _(a, b):
    return a + sigmoid(b)


@mistakes("gated_linear_unit", "self-gated", "The gate is made of a itself; it comes from b.", GLU)
def _(a, b):
    return a * sigmoid(a)


@mistakes(
    "gated_linear_unit",
    "overflows",
    "exp(−b) overflows when b is very negative; use a stable sigmoid.",
    GLU,
)
def _(a, b):
    return a / (1 + np.exp(-b))


# ----------------------------------------------------------------- scaled_dot_product_attention


def softmax(z, axis=1):
    e = np.exp(z - z.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def attend(q, k, v, mask, scale=None, axis=1, forbid=-np.inf):
    """Attend with parts replaced; `forbid` is the score of what may not be attended to."""
    scores = q @ k.T * q.dtype.type(1 / np.sqrt(q.shape[1]) if scale is None else scale)
    if mask is None:
        weights = softmax(scores, axis)
    else:
        scores = np.where(mask, scores, q.dtype.type(forbid))
        top = scores.max(axis=axis, keepdims=True)
        e = np.exp(scores - np.where(np.isfinite(top), top, 0))
        total = e.sum(axis=axis, keepdims=True)
        weights = e / np.where(total > 0, total, 1)
    return weights @ v, weights


@mistakes(
    "scaled_dot_product_attention",
    "not scaled",
    "Your scores are not divided by √d.",
    ATTENTION,
)
def _(q, k, v, mask=None):
    return attend(q, k, v, mask, scale=1.0)


@mistakes(
    "scaled_dot_product_attention",
    "divided by d",
    "Your scores are divided by d; it is √d.",
    ATTENTION,
)
def _(q, k, v, mask=None):
    return attend(q, k, v, mask, scale=1 / q.shape[1])


@mistakes(
    "scaled_dot_product_attention",
    "scaled by the number of keys",
    "Your scores are divided by the root of the number of keys; d is the width of a key.",
    ATTENTION,
)
def _(q, k, v, mask=None):
    return attend(q, k, v, mask, scale=1 / np.sqrt(len(k)))


@mistakes(
    "scaled_dot_product_attention",
    "softmax over the queries",
    "Your softmax runs over the queries; each query's weights over the keys sum to 1.",
    ATTENTION,
)
def _(q, k, v, mask=None):
    return attend(q, k, v, mask, axis=0)


@mistakes(
    "scaled_dot_product_attention",
    "mask ignored",
    "Your answer does not use the mask.",
    MASK,
)
def _(q, k, v, mask=None):
    return attend(q, k, v, None)


@mistakes(
    "scaled_dot_product_attention",
    "mask turned round",
    "Your mask is turned round: true means that attending is allowed.",
    MASK,
)
def _(q, k, v, mask=None):
    return scaled_dot_product_attention(q, k, v, None if mask is None else ~np.asarray(mask))


@mistakes(
    "scaled_dot_product_attention",
    "masked after the softmax",
    "You mask after the softmax, so the weights no longer sum to 1; mask the scores.",
    MASK,
)
def _(q, k, v, mask=None):
    _, weights = attend(q, k, v, None)
    weights = weights if mask is None else weights * mask
    return weights @ v, weights


@mistakes(
    "scaled_dot_product_attention",
    "NaN for an empty row",
    "A query that may attend to nothing gives NaN; its weights and its output are zero.",
    MASK,
)
def _(q, k, v, mask=None):
    _, weights = scaled_dot_product_attention(q, k, v, mask)
    weights = np.where(weights.sum(axis=1, keepdims=True) > 0, weights, np.nan)
    weights = weights.astype(q.dtype)
    return weights @ v, weights


@mistakes(
    "scaled_dot_product_attention",
    "uniform for an empty row",
    "A query that may attend to nothing attends to everything in your answer; it must give zeros.",
    MASK,
)
def _(q, k, v, mask=None):
    return attend(q, k, v, mask, forbid=-1e9)


@mistakes(
    "scaled_dot_product_attention",
    "masked with zero",
    "Forbidden scores are set to 0, which is still a score: they need −∞.",
    MASK,
)
def _(q, k, v, mask=None):
    return attend(q, k, v, mask, forbid=0.0)


@mistakes(
    "scaled_dot_product_attention",
    "results exchanged",
    "You return the weights first; the order is (out, weights).",
    ATTENTION,
)
def _(q, k, v, mask=None):
    return scaled_dot_product_attention(q, k, v, mask)[::-1]


@mistakes(
    "scaled_dot_product_attention",
    "overflowing softmax",
    "Your exponential overflows for large scores: subtract each row's largest score first.",
    ATTENTION,
)
def _(q, k, v, mask=None):
    scores = q @ k.T / q.dtype.type(np.sqrt(q.shape[1]))
    e = np.exp(scores) if mask is None else np.exp(scores) * mask
    total = e.sum(axis=1, keepdims=True)
    weights = e / np.where(total > 0, total, 1)
    return weights @ v, weights


# ------------------------------------------------------------------------------ gated_attention


@mistakes("gated_attention", "no sigmoid", "You multiply by the gate itself; it is σ(gate).", GATED)
def _(q, k, v, gate, mask=None):
    return scaled_dot_product_attention(q, k, v, mask)[0] * gate


@mistakes("gated_attention", "gate left out", "Your answer has no gate.", GATED)
def _(q, k, v, gate, mask=None):
    return scaled_dot_product_attention(q, k, v, mask)[0]


@mistakes("gated_attention", "tanh for sigmoid", "The gate is tanh; it needs σ.", GATED)
def _(q, k, v, gate, mask=None):
    return scaled_dot_product_attention(q, k, v, mask)[0] * np.tanh(gate)


@mistakes(
    "gated_attention",
    "mask ignored",
    "The mask is not handed on to the attention.",
    GATED,
)
def _(q, k, v, gate, mask=None):
    return gated_attention(q, k, v, gate)


@mistakes(
    "gated_attention",
    "closed for open",
    "Your gate is 1 − σ(gate): it closes as it should open.",
    GATED,
)
def _(q, k, v, gate, mask=None):
    return gated_attention(q, k, v, -gate, mask)


@mistakes(
    "gated_attention",
    "σ of the product",
    "You take σ of output times gate; σ belongs on the gate alone.",
    GATED,
)
def _(q, k, v, gate, mask=None):
    return sigmoid(scaled_dot_product_attention(q, k, v, mask)[0] * gate)


@mistakes("gated_attention", "gate added", "You add the gate; it multiplies.", GATED)
def _(q, k, v, gate, mask=None):
    return scaled_dot_product_attention(q, k, v, mask)[0] + sigmoid(gate)


@mistakes("gated_attention", "two results", "You return the weights too; only the output.", GATED)
def _(q, k, v, gate, mask=None):
    _, weights = scaled_dot_product_attention(q, k, v, mask)
    return gated_attention(q, k, v, gate, mask), weights


# --------------------------------------------------------------------------- content_addressing


def norm(a, axis=-1):
    return np.sqrt((a * a).sum(axis=axis))


@mistakes(
    "content_addressing",
    "dot product for cosine",
    "Your similarity is the dot product: it favours long rows. The cosine divides by both lengths.",
    ADDRESS,
)
def _(memory, key, strength):
    return softmax(memory.dtype.type(strength) * (memory @ key), axis=0)


@mistakes(
    "content_addressing",
    "only the key's length divided out",
    "You divide by the key's length but not by the rows'.",
    ADDRESS,
)
def _(memory, key, strength):
    length = norm(key)
    return softmax(memory.dtype.type(strength) * (memory @ key) / (length if length else 1), axis=0)


@mistakes(
    "content_addressing",
    "only the rows' lengths divided out",
    "You divide by the rows' lengths but not by the key's.",
    ADDRESS,
)
def _(memory, key, strength):
    lengths = norm(memory)
    cosine = memory @ key / np.where(lengths > 0, lengths, 1)
    return softmax(memory.dtype.type(strength) * cosine, axis=0)


@mistakes("content_addressing", "strength left out", "The strength is not used.", ADDRESS)
def _(memory, key, strength):
    return content_addressing(memory, key, 1.0)


@mistakes(
    "content_addressing",
    "strength after the softmax",
    "The strength multiplies the weights; it belongs inside the softmax, on the similarity.",
    ADDRESS,
)
def _(memory, key, strength):
    return content_addressing(memory, key, 1.0) * memory.dtype.type(strength)


@mistakes(
    "content_addressing",
    "not normalised",
    "Your weights do not sum to 1: the softmax is missing.",
    ADDRESS,
)
def _(memory, key, strength):
    lengths = norm(memory) * norm(key)
    return memory.dtype.type(strength) * (memory @ key) / np.where(lengths > 0, lengths, 1)


@mistakes(
    "content_addressing",
    "division by zero",
    "A row or key of zeros divides zero by zero: its similarity is 0.",
    ADDRESS,
)
def _(memory, key, strength):
    cosine = memory @ key / (norm(memory) * norm(key))
    return softmax(memory.dtype.type(strength) * cosine, axis=0)


@mistakes(
    "content_addressing",
    "distance for similarity",
    "Your weights follow the distance to the key; they follow the cosine of the angle.",
    ADDRESS,
)
def _(memory, key, strength):
    return softmax(-memory.dtype.type(strength) * norm(memory - key), axis=0)


# --------------------------------------------------------------------------------- memory_write


def written(memory, weights, erase, add, first="erase"):
    keep = 1 - np.outer(weights, erase)
    new = np.outer(weights, add)
    return memory * keep + new if first == "erase" else (memory + new) * keep


@mistakes("memory_write", "add, then erase", "You erase what you have just added.", WRITE)
def _(memory, weights, erase, add):
    return written(memory, weights, erase, add, first="add")


@mistakes("memory_write", "nothing erased", "Nothing is erased: e is not used.", WRITE)
def _(memory, weights, erase, add):
    return written(memory, weights, np.zeros_like(erase), add)


@mistakes("memory_write", "nothing added", "Nothing is added: a is not used.", WRITE)
def _(memory, weights, erase, add):
    return written(memory, weights, erase, np.zeros_like(add))


@mistakes(
    "memory_write",
    "erased everywhere",
    "Every row is erased, wherever the weights point: erasing is weighted too.",
    WRITE,
)
def _(memory, weights, erase, add):
    return memory * (1 - erase) + np.outer(weights, add)


@mistakes(
    "memory_write",
    "added everywhere",
    "a is added to every row, wherever the weights point: adding is weighted too.",
    WRITE,
)
def _(memory, weights, erase, add):
    return memory * (1 - np.outer(weights, erase)) + add


@mistakes(
    "memory_write",
    "erased by subtraction",
    "You subtract the erase vector; it multiplies: memory · (1 − w e).",
    WRITE,
)
def _(memory, weights, erase, add):
    return memory - np.outer(weights, erase) + np.outer(weights, add)


@mistakes(
    "memory_write",
    "kept for erased",
    "Your memory keeps what it should erase: the factor is 1 − w e.",
    WRITE,
)
def _(memory, weights, erase, add):
    return memory * np.outer(weights, erase) + np.outer(weights, add)


@mistakes(
    "memory_write",
    "in place",
    "Your function changes the caller's memory (*= and += work in place); make a new array.",
    WRITE,
)
def _(memory, weights, erase, add):
    memory[...] = written(memory, weights, erase, add)
    return memory.copy()


# ----------------------------------------------------------------------- gated_residual_network


def elu(z):
    return np.where(z > 0, z, np.expm1(np.minimum(z, 0)))


def grn(a, p, context, act=elu, gated=True, skip=True, normal=True, eps=1e-5, ddof=0, value=None):
    """Run the block with parts switched off."""
    z = a @ p.W_2.T + p.b_2
    z = z if context is None else z + context @ p.W_3.T
    eta = act(z).astype(a.dtype) @ p.W_1.T + p.b_1
    gate = sigmoid(eta @ p.W_4.T + p.b_4) if gated else a.dtype.type(1)
    y = gate * (eta @ p.W_5.T + p.b_5 if value is None else value(eta))
    y = a + y if skip else y
    if not normal:
        return y * p.gamma + p.beta
    centred = y - y.mean(axis=1, keepdims=True)
    variance = y.var(axis=1, keepdims=True, ddof=ddof)
    return centred / np.sqrt(variance + a.dtype.type(eps)) * p.gamma + p.beta


@mistakes("gated_residual_network", "no skip", "The input a is not added before the norm.", GRN)
def _(a, params, context=None):
    return grn(a, params, context, skip=False)


@mistakes("gated_residual_network", "no gate", "The gate σ(W_4 η₁ + b_4) is missing.", GRN)
def _(a, params, context=None):
    return grn(a, params, context, gated=False)


@mistakes(
    "gated_residual_network",
    "no layer norm",
    "The layer norm is missing: each row to mean 0 and variance 1, then gamma and beta.",
    GRN,
)
def _(a, params, context=None):
    return grn(a, params, context, normal=False)


@mistakes("gated_residual_network", "context ignored", "The context is not used.", GRN)
def _(a, params, context=None):
    return grn(a, params, None)


@mistakes(
    "gated_residual_network",
    "ReLU for ELU",
    "Negative values become 0; ELU gives exp(z) − 1 there.",
    GRN,
)
def _(a, params, context=None):
    return grn(a, params, context, act=lambda z: np.maximum(z, 0))


@mistakes("gated_residual_network", "tanh for ELU", "η₂ passes tanh; it needs ELU.", GRN)
def _(a, params, context=None):
    return grn(a, params, context, act=np.tanh)


@mistakes(
    "gated_residual_network",
    "variance with n − 1",
    "Your variance divides by H − 1; layer norm divides by H.",
    GRN,
)
def _(a, params, context=None):
    return grn(a, params, context, ddof=1)


@mistakes(
    "gated_residual_network",
    "epsilon left out",
    "The 1e-5 beside the variance is missing, or stands outside the root.",
    GRN,
)
def _(a, params, context=None):
    return grn(a, params, context, eps=0.0)


@mistakes(
    "gated_residual_network",
    "gamma and beta left out",
    "gamma and beta are not used.",
    GRN,
)
def _(a, params, context=None):
    plain = params._replace(gamma=np.ones_like(params.gamma), beta=np.zeros_like(params.beta))
    return gated_residual_network(a, plain, context)


@mistakes(
    "gated_residual_network",
    "gate and value exchanged",
    "σ is on W_5 η₁ + b_5; it belongs on W_4 η₁ + b_4.",
    GRN,
)
def _(a, params, context=None):
    p = params
    turned = p._replace(W_4=p.W_5, b_4=p.b_5, W_5=p.W_4, b_5=p.b_4)
    return gated_residual_network(a, turned, context)


@mistakes(
    "gated_residual_network",
    "W_1 left out",
    "η₁ = W_1 η₂ + b_1 is missing: η₂ goes straight into the gate.",
    GRN,
)
def _(a, params, context=None):
    p = params._replace(W_1=np.eye(len(params.b_1), dtype=a.dtype), b_1=0 * params.b_1)
    return gated_residual_network(a, p, context)


@mistakes(
    "gated_residual_network",
    "normalised over the batch",
    "Your norm runs over the batch; a layer norm treats each row by itself.",
    GRN,
)
def _(a, params, context=None):
    p = params
    z = a @ p.W_2.T + p.b_2 + (0 if context is None else context @ p.W_3.T)
    eta = elu(z).astype(a.dtype) @ p.W_1.T + p.b_1
    y = a + sigmoid(eta @ p.W_4.T + p.b_4) * (eta @ p.W_5.T + p.b_5)
    scale = np.sqrt(y.var(axis=0) + a.dtype.type(1e-5))
    return (y - y.mean(axis=0)) / scale * p.gamma + p.beta
