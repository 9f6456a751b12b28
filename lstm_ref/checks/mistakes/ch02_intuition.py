"""What learners get wrong in assignment 02: short wrong implementations, each with its sentence."""

import numpy as np

from lstm_ref import LSTMParams, carry, half_life, latch_params, sigmoid
from lstm_ref.checks.exercise import Mistakes, Place

__all__ = ["mistakes"]

PAGE = "02-intuition"
VALVE = Place(PAGE, "sec-valve", "A valve that can be learned")
STABLE = Place(PAGE, "sec-stable-sigmoid", "The sigmoid, kept silent")
STORE = Place(PAGE, "sec-store", "A store with valves")
HALF_LIFE = Place(PAGE, "sec-half-life", "The half-life of a memory")
LATCH = Place(PAGE, "sec-latch", "A latch, set by hand")

mistakes = Mistakes()

# -------------------------------------------------------------------------------------- sigmoid


@mistakes(
    "sigmoid",
    "overflows",
    "An exponential overflows: take exp of −|z| only, and treat the sides apart. (np.where alone "
    "does not help: it computes both of its branches.)",
    STABLE,
)
def _(z):
    return 1 / (1 + np.exp(-np.asarray(z)))


@mistakes(
    "sigmoid",
    "overflows on the right",
    "exp(z) overflows when z is very positive: take exp of −|z| only, and treat the sides apart.",
    STABLE,
)
def _(z):
    z = np.asarray(z)
    return np.exp(z) / (1 + np.exp(z))


@mistakes("sigmoid", "wrong sign", "Your sigmoid falls: the exponent must be −z.", VALVE)
def _(z):
    return sigmoid(-np.asarray(z))


@mistakes("sigmoid", "tanh", "Your answer is tanh: it runs from −1 to 1, not from 0 to 1.", VALVE)
def _(z):
    return np.tanh(z)


@mistakes(
    "sigmoid",
    "tanh not halved inside",
    "½ + ½ tanh(z) is too steep: inside tanh stands z / 2.",
    VALVE,
)
def _(z):
    return 0.5 + 0.5 * np.tanh(z)


@mistakes(
    "sigmoid",
    "clipped too early",
    "You clip z before the exponential, so large values come out too far from 0 and 1.",
    STABLE,
)
def _(z):
    return 1 / (1 + np.exp(-np.clip(z, -20, 20)))


@mistakes(
    "sigmoid",
    "always double precision",
    "Your answer is float64 for float32 inputs: an array made on the way has a dtype of its own.",
    STABLE,
)
def _(z):
    return sigmoid(np.asarray(z, dtype=np.float64))


@mistakes(
    "sigmoid",
    "changed in place",
    "Your function changes the caller's array; work on a copy.",
    STABLE,
)
def _(z):
    right = sigmoid(z)
    if isinstance(z, np.ndarray) and z.ndim:
        z[...] = np.abs(z)
    return right


# ----------------------------------------------------------------------------------- apply_gate


@mistakes(
    "apply_gate",
    "no sigmoid",
    "You multiply by z itself: a valve is open between 0 and 1, σ(z).",
    VALVE,
)
def _(z, v):
    return np.asarray(z) * v


@mistakes("apply_gate", "sigmoid on the value", "σ belongs on z, not on the value v.", VALVE)
def _(z, v):
    return z * sigmoid(v)


@mistakes("apply_gate", "sigmoid of the product", "You take σ of z · v; the gate is σ(z).", VALVE)
def _(z, v):
    return sigmoid(np.asarray(z) * v)


@mistakes("apply_gate", "tanh for sigmoid", "Your valve is tanh(z): it can turn signs.", VALVE)
def _(z, v):
    return np.tanh(z) * v


@mistakes("apply_gate", "closed for open", "Your valve is 1 − σ(z): it closes as z grows.", VALVE)
def _(z, v):
    return (1 - sigmoid(z)) * v


@mistakes("apply_gate", "hard gate", "Your valve is open or shut; σ opens it by degrees.", VALVE)
def _(z, v):
    return (np.asarray(z) > 0) * v


# ---------------------------------------------------------------------------------------- carry


@mistakes(
    "carry",
    "gates exchanged",
    "f and i are exchanged: f keeps the old content, i admits the new.",
    STORE,
)
def _(c0, f, i, candidate):
    return carry(c0, i, f, candidate)


@mistakes(
    "carry",
    "nothing carried",
    "Every step of yours starts from c0; each must start from the step before.",
    STORE,
)
def _(c0, f, i, candidate):
    return f * c0 + i * candidate


@mistakes("carry", "nothing forgotten", "Your store keeps everything: f is not used.", STORE)
def _(c0, f, i, candidate):
    return carry(c0, np.ones_like(f), i, candidate)


@mistakes("carry", "written whole", "The candidate is written whole: i is not used.", STORE)
def _(c0, f, i, candidate):
    return carry(c0, f, np.ones_like(i), candidate)


@mistakes("carry", "initial content ignored", "Your store starts empty, not with c0.", STORE)
def _(c0, f, i, candidate):
    return carry(np.zeros_like(c0), f, i, candidate)


@mistakes(
    "carry",
    "content before the step",
    "Your out[t] is the content before step t; it must be the one after.",
    STORE,
)
def _(c0, f, i, candidate):
    return np.concatenate([np.asarray(c0)[None], carry(c0, f, i, candidate)[:-1]])


@mistakes("carry", "last content only", "You return the last content; all T of them count.", STORE)
def _(c0, f, i, candidate):
    return carry(c0, f, i, candidate)[-1]


@mistakes(
    "carry", "coupled gates", "Your input is scaled by 1 − f; here i has its own value.", STORE
)
def _(c0, f, i, candidate):
    return carry(c0, f, 1 - f, candidate)


@mistakes(
    "carry",
    "forgetting the new content too",
    "Your forget gate acts on the new content as well: f · (c + i · c̃).",
    STORE,
)
def _(c0, f, i, candidate):
    out, c = [], c0
    for t in range(len(f)):
        c = f[t] * (c + i[t] * candidate[t])
        out.append(c)
    return np.stack(out)


@mistakes(
    "carry",
    "initial content changed",
    "Your loop changes c0 itself (*= and += work in place); start from a copy.",
    STORE,
)
def _(c0, f, i, candidate):
    out = carry(c0, f, i, candidate)
    if isinstance(c0, np.ndarray):
        c0[...] = out[-1]
    return out


# ------------------------------------------------------------------------------------ half_life


def logarithm(f, base):
    f = np.asarray(f)
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(f.dtype.type(base)) / np.log(f))


@mistakes(
    "half_life",
    "a factor of e",
    "Your answer is the time to fall to 1/e; half-life asks for 1/2.",
    HALF_LIFE,
)
def _(f):
    return np.where(np.asarray(f) == 1, np.inf, logarithm(f, np.exp(-1))).astype(
        np.asarray(f).dtype
    )


@mistakes("half_life", "negative", "Your answer is negative: log ½ and log f are both.", HALF_LIFE)
def _(f):
    return -half_life(f)


@mistakes(
    "half_life",
    "linear decay",
    "Your memory loses 1 − f of its first value at each step; it loses 1 − f of what is left.",
    HALF_LIFE,
)
def _(f):
    f = np.asarray(f)
    with np.errstate(divide="ignore"):
        return np.asarray(f.dtype.type(0.5) / (1 - f))


@mistakes(
    "half_life",
    "whole steps",
    "Your answer is rounded to whole steps; half a step counts as half.",
    HALF_LIFE,
)
def _(f):
    return np.ceil(half_life(f))


@mistakes(
    "half_life",
    "warns at the ends",
    "log 0 or a division by log 1 warns: treat f = 0 and f = 1 apart.",
    HALF_LIFE,
)
def _(f):
    f = np.asarray(f)
    return np.where(f == 1, np.inf, np.log(f.dtype.type(0.5)) / np.log(f)).astype(f.dtype)


@mistakes(
    "half_life",
    "not a number for f = 1",
    "A forget gate of exactly 1 never halves the memory: the answer is inf.",
    HALF_LIFE,
)
def _(f):
    right = half_life(f)
    return np.where(np.isinf(right), np.nan, right).astype(np.asarray(right).dtype)


@mistakes("half_life", "upside down", "Your fraction is upside down: log f / log ½.", HALF_LIFE)
def _(f):
    right = np.asarray(half_life(f))
    with np.errstate(divide="ignore"):
        return 1 / right


# --------------------------------------------------------------------------------- latch_params


def latch(**changes):
    """Take the reference's latch and set weights (columns h, value, write) or biases anew."""
    fields = latch_params()._asdict()
    for name, value in changes.items():
        fields[name] = np.array([value] if name.startswith("W") else value, dtype=float)
    return LSTMParams(**fields)


@mistakes(
    "latch_params",
    "memory fades",
    "Your latch loses what it holds while nothing is written: σ(5) = 0.993 looks like 1, but "
    "1,000 steps of it leave 0.001. Where write = 0, how large must the forget gate's input be?",
    LATCH,
)
def _():
    return latch(W_f=[0.0, 0.0, -10.0], b_f=[5.0])


@mistakes(
    "latch_params",
    "noise gets in",
    "Your latch takes up values where write = 0: the input gate must be shut there.",
    LATCH,
)
def _():
    return latch(W_i=[0.0, 0.0, 2.0], b_i=[-1.0])


@mistakes(
    "latch_params",
    "old value kept",
    "A new value does not replace the old one: at write = 1 the forget gate must shut.",
    LATCH,
)
def _():
    return latch(W_f=[0.0, 0.0, 0.0], b_f=[30.0])


@mistakes(
    "latch_params",
    "shown too weakly",
    "The sign is right but |h| is below 0.5: open the output gate, and write a value near ±1.",
    LATCH,
)
def _():
    return latch(W_o=[0.0, 0.0, 0.0], b_o=[0.0])


@mistakes(
    "latch_params",
    "sign turned",
    "Your latch holds the opposite of what was written: look at the candidate's sign.",
    LATCH,
)
def _():
    return latch(W_c=[0.0, -10.0, 0.0], b_c=[0.0])


@mistakes(
    "latch_params",
    "nothing written",
    "Your latch does not take up the value at write = 1: columns of a weight are h, value, write.",
    LATCH,
)
def _():
    p = latch_params()
    return LSTMParams(*(w[:, ::-1].copy() if w.ndim == 2 else w for w in p))
