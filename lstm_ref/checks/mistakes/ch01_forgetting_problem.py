"""What learners get wrong in assignment 01: short wrong implementations, each with its sentence."""

import numpy as np

from lstm_ref import clip_by_global_norm, gradient_norms, rnn_forward, rnn_jacobian, rnn_step
from lstm_ref.checks.exercise import Mistakes, Place

__all__ = ["mistakes"]

PAGE = "01-forgetting-problem"
RNN = Place(PAGE, "sec-plain-rnn", "A plain recurrent network")
JACOBIAN = Place(PAGE, "sec-jacobian", "One step back: the Jacobian")
PRODUCT = Place(PAGE, "sec-product", "Many steps back: a product")
CLIPPING = Place(PAGE, "sec-clipping", "When gradients explode: clipping")

mistakes = Mistakes()


def join(first, second):
    return np.concatenate([first, second], axis=1)


# ------------------------------------------------------------------------------------- rnn_step

X_FIRST = "Your answer is what you would get if x came before h: the weights act on [h, x]."


@mistakes("rnn_step", "x before h", X_FIRST, RNN)
def _(x, h, W, b):
    return np.tanh(join(x, h) @ W.T + b)


@mistakes("rnn_step", "no bias", "Your step leaves the bias out.", RNN)
def _(x, h, W, b):
    return np.tanh(join(h, x) @ W.T)


@mistakes("rnn_step", "no tanh", "Your step stops before tanh.", RNN)
def _(x, h, W, b):
    return join(h, x) @ W.T + b


@mistakes("rnn_step", "bias after tanh", "Your bias is added after tanh; it belongs inside.", RNN)
def _(x, h, W, b):
    return np.tanh(join(h, x) @ W.T) + b


@mistakes("rnn_step", "sigmoid for tanh", "Your step is squashed by σ; it needs tanh.", RNN)
def _(x, h, W, b):
    z = join(h, x) @ W.T + b
    return 0.5 * (1 + np.tanh(0.5 * z))


@mistakes("rnn_step", "no recurrence", "Your step ignores h: it forgets everything at once.", RNN)
def _(x, h, W, b):
    return rnn_step(x, np.zeros_like(h), W, b)


@mistakes(
    "rnn_step",
    "transposed result",
    "Your result is transposed: rows are the batch, columns the hidden units.",
    RNN,
)
def _(x, h, W, b):
    return rnn_step(x, h, W, b).T


# ---------------------------------------------------------------------------------- rnn_forward


@mistakes(
    "rnn_forward",
    "state before the step recorded",
    "Your out[t] is the state before input xs[t]; it must be the one after.",
    RNN,
)
def _(xs, h0, W, b):
    return np.concatenate([h0[None], rnn_forward(xs, h0, W, b)[:-1]])


@mistakes("rnn_forward", "initial state ignored", "Your run starts from zero, not from h0.", RNN)
def _(xs, h0, W, b):
    return rnn_forward(xs, np.zeros_like(h0), W, b)


@mistakes(
    "rnn_forward",
    "state not carried",
    "Every step of yours starts from h0; each must start where the one before ended.",
    RNN,
)
def _(xs, h0, W, b):
    return np.stack([rnn_step(x, h0, W, b) for x in xs])


@mistakes("rnn_forward", "last state only", "You return the last state; all of them count.", RNN)
def _(xs, h0, W, b):
    return rnn_forward(xs, h0, W, b)[-1]


@mistakes(
    "rnn_forward",
    "initial state included",
    "Your result has T + 1 rows: h0 is not one of the outputs.",
    RNN,
)
def _(xs, h0, W, b):
    return np.concatenate([h0[None], rnn_forward(xs, h0, W, b)])


@mistakes("rnn_forward", "backwards in time", "Your loop runs from the last input back.", RNN)
def _(xs, h0, W, b):
    return rnn_forward(xs[::-1], h0, W, b)[::-1].copy()


@mistakes("rnn_forward", "x before h", X_FIRST, RNN)
def _(xs, h0, W, b):
    D = xs.shape[2]
    return rnn_forward(xs, h0, np.concatenate([W[:, D:], W[:, :D]], axis=1), b)


@mistakes(
    "rnn_forward",
    "batch first",
    "Your result is batch-first, (B, T, H); the course is time-major, (T, B, H).",
    RNN,
)
def _(xs, h0, W, b):
    return rnn_forward(xs, h0, W, b).swapaxes(0, 1).copy()


@mistakes(
    "rnn_forward",
    "always double precision",
    "Your result is float64 for float32 inputs: np.zeros makes float64 unless told otherwise.",
    RNN,
)
def _(xs, h0, W, b):
    return rnn_forward(xs, h0, W, b).astype(np.float64)


# --------------------------------------------------------------------------------- rnn_jacobian


@mistakes(
    "rnn_jacobian",
    "transposed",
    "Your Jacobian is transposed: J[b, i, j] differentiates output i with respect to input j.",
    JACOBIAN,
)
def _(h_next, W):
    return rnn_jacobian(h_next, W).swapaxes(1, 2).copy()


@mistakes(
    "rnn_jacobian",
    "derivative of tanh missing",
    "Your Jacobian is the recurrent weight alone: the derivative of tanh is missing.",
    JACOBIAN,
)
def _(h_next, W):
    H = h_next.shape[1]
    return np.broadcast_to(W[:, :H], (len(h_next), H, H)).copy()


@mistakes(
    "rnn_jacobian",
    "derivative on the wrong side",
    "The derivative of tanh scales columns in your answer; it belongs to the output, the rows.",
    JACOBIAN,
)
def _(h_next, W):
    return (1 - h_next**2)[:, None, :] * W[:, : h_next.shape[1]]


@mistakes(
    "rnn_jacobian",
    "derivative of the sigmoid",
    "You use σ′ = σ(1 − σ); the step ends in tanh, whose derivative is 1 − tanh².",
    JACOBIAN,
)
def _(h_next, W):
    return (h_next * (1 - h_next))[:, :, None] * W[:, : h_next.shape[1]]


@mistakes(
    "rnn_jacobian",
    "tanh taken twice",
    "h_next has passed tanh already; your derivative takes tanh of it again.",
    JACOBIAN,
)
def _(h_next, W):
    return (1 - np.tanh(h_next) ** 2)[:, :, None] * W[:, : h_next.shape[1]]


@mistakes(
    "rnn_jacobian",
    "input weights",
    "You took the last H columns of W; those of h come first in [h, x].",
    JACOBIAN,
)
def _(h_next, W):
    return (1 - h_next**2)[:, :, None] * W[:, -h_next.shape[1] :]


@mistakes(
    "rnn_jacobian",
    "whole weight",
    "Your Jacobian has the columns of x too: it is taken with respect to h alone.",
    JACOBIAN,
)
def _(h_next, W):
    return (1 - h_next**2)[:, :, None] * W


@mistakes(
    "rnn_jacobian",
    "square missing",
    "The derivative of tanh is 1 − tanh²: the square is missing.",
    JACOBIAN,
)
def _(h_next, W):
    return (1 - h_next)[:, :, None] * W[:, : h_next.shape[1]]


# ------------------------------------------------------------------------------- gradient_norms


def norms(jacobians, norm, forwards=False, left=True):
    product = np.eye(jacobians.shape[1], dtype=jacobians.dtype)
    out = [1.0]
    for J in jacobians if forwards else jacobians[::-1]:
        product = product @ J if left else J @ product
        out.append(norm(product))
    return np.array(out, dtype=jacobians.dtype)


def spectral(matrix):
    return np.linalg.norm(matrix, 2)


@mistakes(
    "gradient_norms",
    "first factors instead of last",
    "Your product starts at the first step; out[k] is made of the last k factors.",
    PRODUCT,
)
def _(jacobians):
    return norms(jacobians, spectral, forwards=True)


@mistakes(
    "gradient_norms",
    "factors in the wrong order",
    "Your factors stand in the wrong order: J_T is leftmost, J_{T−1} follows on its right.",
    PRODUCT,
)
def _(jacobians):
    return norms(jacobians, spectral, left=False)


@mistakes(
    "gradient_norms",
    "Frobenius norm",
    "Your norm is the Frobenius norm; the spectral norm is the largest singular value.",
    PRODUCT,
)
def _(jacobians):
    out = norms(jacobians, np.linalg.norm)
    out[0] = 1
    return out


@mistakes(
    "gradient_norms",
    "spectral radius",
    "You take the largest eigenvalue; the spectral norm is the largest singular value.",
    PRODUCT,
)
def _(jacobians):
    return norms(jacobians, lambda m: np.abs(np.linalg.eigvals(m)).max())


@mistakes(
    "gradient_norms",
    "product of norms",
    "You multiply the norms of the factors; the norm of their product is smaller.",
    PRODUCT,
)
def _(jacobians):
    sizes = [spectral(J) for J in jacobians[::-1]]
    return np.cumprod([1.0, *sizes]).astype(jacobians.dtype)


@mistakes(
    "gradient_norms",
    "out[0] left out",
    "Your result has T entries; out[0] = 1, the norm of no factor at all, comes first.",
    PRODUCT,
)
def _(jacobians):
    return gradient_norms(jacobians)[1:].copy()


@mistakes(
    "gradient_norms",
    "norm of each factor",
    "Your out[k] is the norm of one factor; it is the norm of the product of k of them.",
    PRODUCT,
)
def _(jacobians):
    return np.array([1.0, *map(spectral, jacobians[::-1])], dtype=jacobians.dtype)


@mistakes(
    "gradient_norms",
    "reversed",
    "Your result is reversed: out[0] = 1 comes first, the longest product last.",
    PRODUCT,
)
def _(jacobians):
    return gradient_norms(jacobians)[::-1].copy()


@mistakes(
    "gradient_norms",
    "always double precision",
    "Your result is float64 for float32 Jacobians: np.zeros makes float64 unless told otherwise.",
    PRODUCT,
)
def _(jacobians):
    return gradient_norms(jacobians).astype(np.float64)


# -------------------------------------------------------------------------- clip_by_global_norm


def rescaled(grads, scale):
    return {name: value * value.dtype.type(scale) for name, value in grads.items()}


def norm_of(grads):
    return float(np.sqrt(sum(np.sum(value.astype(float) ** 2) for value in grads.values())))


@mistakes(
    "clip_by_global_norm",
    "each array clipped on its own",
    "Every array is clipped by its own norm; one scale for all keeps the direction.",
    CLIPPING,
)
def _(grads, max_norm):
    scales = {k: min(1.0, max_norm / max(np.linalg.norm(v), 1e-30)) for k, v in grads.items()}
    return {k: v * v.dtype.type(scales[k]) for k, v in grads.items()}, norm_of(grads)


@mistakes(
    "clip_by_global_norm",
    "entries clipped",
    "You clip entry by entry, which turns the gradient; one scale for all keeps its direction.",
    CLIPPING,
)
def _(grads, max_norm):
    return {k: np.clip(v, -max_norm, max_norm) for k, v in grads.items()}, norm_of(grads)


@mistakes(
    "clip_by_global_norm",
    "always rescaled",
    "Your gradients are scaled to max_norm even when they are smaller; those stay as they are.",
    CLIPPING,
)
def _(grads, max_norm):
    norm = norm_of(grads)
    return rescaled(grads, max_norm / norm if norm else 1.0), norm


@mistakes(
    "clip_by_global_norm",
    "norm after clipping",
    "You return the norm after clipping; the one before tells how close to exploding it was.",
    CLIPPING,
)
def _(grads, max_norm):
    clipped, norm = clip_by_global_norm(grads, max_norm)
    return clipped, min(float(norm), max_norm)


@mistakes(
    "clip_by_global_norm",
    "square root missing",
    "Your norm is the sum of squares: the root is missing.",
    CLIPPING,
)
def _(grads, max_norm):
    norm = norm_of(grads) ** 2
    return rescaled(grads, min(1.0, max_norm / norm) if norm else 1.0), norm


@mistakes(
    "clip_by_global_norm",
    "sum of norms",
    "Your global norm is the sum of the arrays' norms; it is the root of the sum of all squares.",
    CLIPPING,
)
def _(grads, max_norm):
    norm = float(sum(np.linalg.norm(v) for v in grads.values()))
    return rescaled(grads, min(1.0, max_norm / norm) if norm else 1.0), norm


@mistakes(
    "clip_by_global_norm",
    "division by zero",
    "All-zero gradients become NaN in your answer: zero is divided by zero.",
    CLIPPING,
)
def _(grads, max_norm):
    norm = norm_of(grads)
    scale = np.float64(max_norm) / np.float64(norm)
    return rescaled(grads, scale if norm > max_norm or norm == 0 else 1.0), norm


@mistakes(
    "clip_by_global_norm",
    "clipped in place",
    "Your function changes the caller's arrays (*= works in place); make new ones.",
    CLIPPING,
)
def _(grads, max_norm):
    clipped, norm = clip_by_global_norm(grads, max_norm)
    for name in grads:
        grads[name][...] = clipped[name]
    return clipped, norm


@mistakes(
    "clip_by_global_norm",
    "same arrays returned",
    "When nothing is clipped you return the caller's own arrays; return copies.",
    CLIPPING,
)
def _(grads, max_norm):
    clipped, norm = clip_by_global_norm(grads, max_norm)
    return (dict(grads) if norm <= max_norm else clipped), norm
