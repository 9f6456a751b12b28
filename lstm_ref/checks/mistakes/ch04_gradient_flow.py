"""What learners get wrong in assignment 04: short wrong implementations, each with its sentence."""

import numpy as np

from lstm_ref import (
    LSTMParams,
    carousel_gradient,
    init_lstm_params,
    lstm_backward,
    lstm_step_backward,
    numerical_gradient,
)
from lstm_ref.checks.exercise import Mistakes, Place

__all__ = ["mistakes"]

PAGE = "04-gradient-flow"
CELL = Place(PAGE, "sec-backward-cell", "Back through the cell state")
GATES = Place(PAGE, "sec-backward-gates", "Back through the gates")
WEIGHTS = Place(PAGE, "sec-backward-weights", "The gradients of the weights")
TIME = Place(PAGE, "sec-bptt", "Back through time")
CHECKING = Place(PAGE, "sec-gradient-checking", "Gradient checking")
CAROUSEL = Place(PAGE, "sec-carousel", "The constant error carousel")
START = Place(PAGE, "sec-forget-bias", "How to start: the forget bias")

mistakes = Mistakes()

# --------------------------------------------------------------------------- lstm_step_backward


def default_deltas(dh, dc, s):
    """Return the right gradients of the four pre-activations."""
    return {
        "f": dc * s.c * s.f * (1 - s.f),
        "i": dc * s.candidate * s.i * (1 - s.i),
        "c": dc * s.i * (1 - s.candidate**2),
        "o": dh * np.tanh(s.c_next) * s.o * (1 - s.o),
    }


def backward(dh, dc_next, s, params, through=None, deltas=None, total=None):
    """Take a step back; `total`, `deltas` and `through` replace parts of the right answer."""
    right = dc_next + dh * s.o * (1 - np.tanh(s.c_next) ** 2)
    dc = right if total is None else total
    d = default_deltas(dh, dc, s)
    d.update(deltas(dh, dc, s) if deltas else {})
    hx = np.concatenate([s.h, s.x], axis=1)
    dhx = sum(d[g] @ getattr(params, f"W_{g}") for g in "fico")
    grads = [g for k in "fico" for g in (d[k].T @ hx, d[k].sum(axis=0))]
    H = s.h.shape[1]
    dc_prev = dc * s.f if through is None else through(dc, s)
    return dhx[:, H:].copy(), dhx[:, :H].copy(), dc_prev, LSTMParams(*grads)


@mistakes(
    "lstm_step_backward",
    "not through the forget gate",
    "Your dc is what you would get if the gradient did not pass through the forget gate.",
    CELL,
)
def _(dh_next, dc_next, cache, params):
    return backward(dh_next, dc_next, cache, params, through=lambda dc, s: dc.copy())


@mistakes(
    "lstm_step_backward",
    "hidden state's path to the cell missing",
    "The gradient that reaches the cell through h_next is missing: h_next = o · tanh(c_next).",
    CELL,
)
def _(dh_next, dc_next, cache, params):
    return backward(dh_next, dc_next, cache, params, total=dc_next.copy())


@mistakes(
    "lstm_step_backward",
    "dc_next ignored",
    "What reaches the cell from later steps, dc_next, is missing from your gradient.",
    CELL,
)
def _(dh_next, dc_next, cache, params):
    return backward(dh_next, np.zeros_like(dc_next), cache, params)


@mistakes(
    "lstm_step_backward",
    "derivative of tanh missing",
    "Between h_next and the cell stands tanh: its derivative, 1 − tanh²(c_next), is missing.",
    CELL,
)
def _(dh_next, dc_next, cache, params):
    return backward(dh_next, dc_next, cache, params, total=dc_next + dh_next * cache.o)


@mistakes(
    "lstm_step_backward",
    "derivative of tanh at the old cell",
    "You take the derivative of tanh at the old cell state; h_next shows the new one.",
    CELL,
)
def _(dh_next, dc_next, cache, params):
    total = dc_next + dh_next * cache.o * (1 - np.tanh(cache.c) ** 2)
    return backward(dh_next, dc_next, cache, params, total=total)


@mistakes(
    "lstm_step_backward",
    "tanh not applied in its derivative",
    "The derivative of tanh is 1 − tanh²(c_next); you square c_next itself.",
    CELL,
)
def _(dh_next, dc_next, cache, params):
    total = dc_next + dh_next * cache.o * (1 - cache.c_next**2)
    return backward(dh_next, dc_next, cache, params, total=total)


@mistakes(
    "lstm_step_backward",
    "dc doubled",
    "Your dc counts what comes from dc_next twice.",
    CELL,
)
def _(dh_next, dc_next, cache, params):
    return backward(dh_next, 2 * dc_next, cache, params)


@mistakes(
    "lstm_step_backward",
    "derivative of the forget gate's σ missing",
    "The forget gate's σ′ = f (1 − f) is missing.",
    GATES,
)
def _(dh_next, dc_next, cache, params):
    return backward(dh_next, dc_next, cache, params, deltas=lambda dh, dc, s: {"f": dc * s.c})


@mistakes(
    "lstm_step_backward",
    "forget gate sees the new cell",
    "The forget gate multiplied the old cell state, c; your gradient has the new one.",
    GATES,
)
def _(dh_next, dc_next, cache, params):
    return backward(
        dh_next,
        dc_next,
        cache,
        params,
        deltas=lambda dh, dc, s: {"f": dc * s.c_next * s.f * (1 - s.f)},
    )


@mistakes(
    "lstm_step_backward",
    "derivative of σ for the candidate",
    "The candidate ends in tanh: its derivative is 1 − c̃², not c̃ (1 − c̃).",
    GATES,
)
def _(dh_next, dc_next, cache, params):
    return backward(
        dh_next,
        dc_next,
        cache,
        params,
        deltas=lambda dh, dc, s: {"c": dc * s.i * s.candidate * (1 - s.candidate)},
    )


@mistakes(
    "lstm_step_backward",
    "derivative of tanh for the gates",
    "The gates end in σ: their derivative is g (1 − g), not 1 − g².",
    GATES,
)
def _(dh_next, dc_next, cache, params):
    def deltas(dh, dc, s):
        return {
            "f": dc * s.c * (1 - s.f**2),
            "i": dc * s.candidate * (1 - s.i**2),
            "o": dh * np.tanh(s.c_next) * (1 - s.o**2),
        }

    return backward(dh_next, dc_next, cache, params, deltas=deltas)


@mistakes(
    "lstm_step_backward",
    "input gate and candidate exchanged",
    "The gradient of the input gate is scaled by the candidate, that of the candidate by the gate.",
    GATES,
)
def _(dh_next, dc_next, cache, params):
    def deltas(dh, dc, s):
        return {"i": dc * s.i * s.i * (1 - s.i), "c": dc * s.candidate * (1 - s.candidate**2)}

    return backward(dh_next, dc_next, cache, params, deltas=deltas)


@mistakes(
    "lstm_step_backward",
    "output gate without tanh",
    "The output gate multiplied tanh(c_next); your gradient has c_next.",
    GATES,
)
def _(dh_next, dc_next, cache, params):
    return backward(
        dh_next,
        dc_next,
        cache,
        params,
        deltas=lambda dh, dc, s: {"o": dh * s.c_next * s.o * (1 - s.o)},
    )


@mistakes(
    "lstm_step_backward",
    "output gate fed from dc",
    "The output gate acts on h_next alone: its gradient comes from dh_next, not from dc.",
    GATES,
)
def _(dh_next, dc_next, cache, params):
    return backward(
        dh_next,
        dc_next,
        cache,
        params,
        deltas=lambda dh, dc, s: {"o": dc * np.tanh(s.c_next) * s.o * (1 - s.o)},
    )


@mistakes(
    "lstm_step_backward",
    "mean over the batch",
    "Your parameter gradients are averaged over the batch; they are summed.",
    WEIGHTS,
)
def _(dh_next, dc_next, cache, params):
    *states, grads = lstm_step_backward(dh_next, dc_next, cache, params)
    return *states, LSTMParams(*(g / g.dtype.type(len(dh_next)) for g in grads))


@mistakes(
    "lstm_step_backward",
    "x before h in the weights",
    "The columns of your weight gradients are [x, h]; they are [h, x].",
    WEIGHTS,
)
def _(dh_next, dc_next, cache, params):
    *states, grads = lstm_step_backward(dh_next, dc_next, cache, params)
    H = dh_next.shape[1]
    turn = [np.concatenate([g[:, H:], g[:, :H]], axis=1) if g.ndim == 2 else g for g in grads]
    return *states, LSTMParams(*turn)


@mistakes(
    "lstm_step_backward",
    "dx and dh exchanged",
    "You cut [dh, dx] at the wrong place: the first H columns belong to h.",
    WEIGHTS,
)
def _(dh_next, dc_next, cache, params):
    dx, dh, dc, grads = lstm_step_backward(dh_next, dc_next, cache, params)
    both = np.concatenate([dh, dx], axis=1)
    D = dx.shape[1]
    return both[:, :D].copy(), both[:, D:].copy(), dc, grads


@mistakes(
    "lstm_step_backward",
    "output gate's bias from the forget gate",
    "Your b_o gradient is that of b_f: each bias has its own gate's δ.",
    WEIGHTS,
)
def _(dh_next, dc_next, cache, params):
    *states, grads = lstm_step_backward(dh_next, dc_next, cache, params)
    return *states, grads._replace(b_o=grads.b_f.copy())


@mistakes(
    "lstm_step_backward",
    "biases not summed",
    "Your bias gradients still have a batch axis: sum over it.",
    WEIGHTS,
)
def _(dh_next, dc_next, cache, params):
    *states, grads = lstm_step_backward(dh_next, dc_next, cache, params)
    total = dc_next + dh_next * cache.o * (1 - np.tanh(cache.c_next) ** 2)
    d = default_deltas(dh_next, total, cache)
    return *states, grads._replace(b_f=d["f"], b_i=d["i"], b_c=d["c"], b_o=d["o"])


@mistakes(
    "lstm_step_backward",
    "weight gradients transposed",
    "Your weight gradients are transposed: each has the shape of its weight, (H, H + D).",
    WEIGHTS,
)
def _(dh_next, dc_next, cache, params):
    *states, grads = lstm_step_backward(dh_next, dc_next, cache, params)
    return *states, LSTMParams(*(g.T for g in grads))


@mistakes(
    "lstm_step_backward",
    "dc_next changed in place",
    "Your function writes into the caller's dc_next (+= works in place); make a new array.",
    CELL,
)
def _(dh_next, dc_next, cache, params):
    result = lstm_step_backward(dh_next, dc_next, cache, params)
    dc_next += dh_next * cache.o * (1 - np.tanh(cache.c_next) ** 2)
    return result


# -------------------------------------------------------------------------------- lstm_backward


def through_time(dhs, caches, params, carry_h=True, carry_c=True, order=None, last=False):
    """Go back through time with parts switched off."""
    dh = dc = np.zeros_like(dhs[0])
    grads = [np.zeros_like(p) for p in params]
    dxs = [None] * len(caches)
    for t in order or reversed(range(len(caches))):
        dx, dh, dc, step = lstm_step_backward(dhs[t] + dh, dc, caches[t], params)
        dh, dc = dh if carry_h else 0 * dh, dc if carry_c else 0 * dc
        dxs[t] = dx
        grads = list(step) if last else [g + s for g, s in zip(grads, step, strict=True)]
    return np.stack(dxs), dh, dc, LSTMParams(*grads)


@mistakes(
    "lstm_backward",
    "dh not carried",
    "The gradient of h is not carried from a step to the one before it.",
    TIME,
)
def _(dhs, caches, params):
    return through_time(dhs, caches, params, carry_h=False)


@mistakes(
    "lstm_backward",
    "dc not carried",
    "The gradient of the cell state is not carried back: the highway of chapter 4 is cut.",
    TIME,
)
def _(dhs, caches, params):
    return through_time(dhs, caches, params, carry_c=False)


@mistakes(
    "lstm_backward",
    "forwards in time",
    "Your loop runs from the first step to the last; gradients flow the other way.",
    TIME,
)
def _(dhs, caches, params):
    return through_time(dhs, caches, params, order=list(range(len(caches))))


@mistakes(
    "lstm_backward",
    "gradients of one step",
    "Your parameter gradients are those of one step; the weights are shared, so they add up.",
    TIME,
)
def _(dhs, caches, params):
    return through_time(dhs, caches, params, last=True)


@mistakes(
    "lstm_backward",
    "mean over time",
    "Your parameter gradients are averaged over time; they are summed.",
    TIME,
)
def _(dhs, caches, params):
    dxs, dh, dc, grads = lstm_backward(dhs, caches, params)
    return dxs, dh, dc, LSTMParams(*(g / g.dtype.type(len(dhs)) for g in grads))


@mistakes(
    "lstm_backward",
    "last loss gradient only",
    "Only dhs[−1] enters your answer; every hidden state has a loss gradient of its own.",
    TIME,
)
def _(dhs, caches, params):
    only = np.zeros_like(dhs)
    only[-1] = dhs[-1]
    return lstm_backward(only, caches, params)


@mistakes(
    "lstm_backward",
    "dxs in the order of the loop",
    "Your dxs are in the order in which the loop made them: the last step's comes first.",
    TIME,
)
def _(dhs, caches, params):
    dxs, *rest = lstm_backward(dhs, caches, params)
    return dxs[::-1].copy(), *rest


@mistakes(
    "lstm_backward",
    "dh0 and dc0 exchanged",
    "dh0 and dc0 are exchanged.",
    TIME,
)
def _(dhs, caches, params):
    dxs, dh, dc, grads = lstm_backward(dhs, caches, params)
    return dxs, dc, dh, grads


@mistakes(
    "lstm_backward",
    "dhs changed in place",
    "Your loop adds to the caller's dhs (+= works in place); make a new array.",
    TIME,
)
def _(dhs, caches, params):
    result = lstm_backward(dhs, caches, params)
    dhs[...] = dhs.cumsum(axis=0)
    return result


# --------------------------------------------------------------------------- numerical_gradient


def differences(f, x, eps, formula):
    grad = np.zeros(x.shape)
    for k in np.ndindex(x.shape):
        e = np.zeros(x.shape)
        e[k] = eps
        grad[k] = formula(f, x, e)
    return grad


@mistakes(
    "numerical_gradient",
    "forward difference",
    "Your difference is one-sided, (f(x + ε) − f(x)) / ε: its error shrinks with ε only, not ε².",
    CHECKING,
)
def _(f, x, eps=1e-5):
    return differences(f, x, eps, lambda f, x, e: (f(x + e) - f(x)) / eps)


@mistakes(
    "numerical_gradient",
    "divided by ε",
    "Your difference is divided by ε; the two points are 2 ε apart.",
    CHECKING,
)
def _(f, x, eps=1e-5):
    return differences(f, x, eps, lambda f, x, e: (f(x + e) - f(x - e)) / eps)


@mistakes(
    "numerical_gradient",
    "sign turned",
    "Your difference is f(x − ε) − f(x + ε): the sign is turned.",
    CHECKING,
)
def _(f, x, eps=1e-5):
    return -numerical_gradient(f, x, eps)


@mistakes(
    "numerical_gradient",
    "all entries moved at once",
    "You move all entries of x together; move one at a time.",
    CHECKING,
)
def _(f, x, eps=1e-5):
    return np.full(x.shape, (f(x + eps) - f(x - eps)) / (2 * eps))


@mistakes(
    "numerical_gradient",
    "x not put back",
    "After the call x is not what it was: put each entry back, or work on a copy.",
    CHECKING,
)
def _(f, x, eps=1e-5):
    grad = numerical_gradient(f, x, eps)
    x += eps
    return grad


@mistakes(
    "numerical_gradient",
    "eps ignored",
    "Your step is always the same: eps is an argument.",
    CHECKING,
)
def _(f, x, eps=1e-5):
    return numerical_gradient(f, x)


@mistakes(
    "numerical_gradient",
    "flat result",
    "Your gradient is flat; it has the shape of x.",
    CHECKING,
)
def _(f, x, eps=1e-5):
    return numerical_gradient(f, x, eps).ravel()


# ---------------------------------------------------------------------------- carousel_gradient


@mistakes(
    "carousel_gradient",
    "from the start",
    "Your product runs from the first step to t; the gradient of c_T meets the gates after t.",
    CAROUSEL,
)
def _(fs):
    return np.concatenate([np.ones_like(fs[:1]), np.cumprod(fs, axis=0)])


@mistakes(
    "carousel_gradient",
    "own step left out",
    "Your product misses the first gate on the way: from c_t to c_{t+1} the gate is fs[t].",
    CAROUSEL,
)
def _(fs):
    out = carousel_gradient(fs)
    return np.concatenate([out[1:], out[-1:]])


@mistakes(
    "carousel_gradient",
    "final one missing",
    "Your result has T rows; out[T] = 1 is missing.",
    CAROUSEL,
)
def _(fs):
    return carousel_gradient(fs)[:-1].copy()


@mistakes(
    "carousel_gradient",
    "sum for product",
    "Your answer adds the gates; along the cell the gradient is their product.",
    CAROUSEL,
)
def _(fs):
    total = np.cumsum(fs[::-1], axis=0)[::-1]
    return np.concatenate([total, np.ones_like(fs[:1])])


@mistakes(
    "carousel_gradient",
    "one gate only",
    "Your out[t] is the gate of one step; the gates of all later steps multiply.",
    CAROUSEL,
)
def _(fs):
    return np.concatenate([fs, np.ones_like(fs[:1])])


@mistakes("carousel_gradient", "reversed", "Your result runs backwards in time.", CAROUSEL)
def _(fs):
    return carousel_gradient(fs)[::-1].copy()


@mistakes(
    "carousel_gradient",
    "always one",
    "Your gradient is 1 throughout: so it was in 1997, without a forget gate.",
    CAROUSEL,
)
def _(fs):
    return np.ones((len(fs) + 1, *fs.shape[1:]), dtype=fs.dtype)


# ----------------------------------------------------------------------------- init_lstm_params


def drawn(rng, input_size, hidden_size, forget_bias, draw):
    shape = (hidden_size, hidden_size + input_size)
    zero = np.zeros(hidden_size)
    W_f, W_i, W_c, W_o = (draw(rng, shape) for _ in range(4))
    return LSTMParams(W_f, zero + forget_bias, W_i, zero.copy(), W_c, zero.copy(), W_o, zero.copy())


@mistakes(
    "init_lstm_params",
    "normal distribution",
    "Your weights are normally distributed; they are uniform between −1/√H and 1/√H.",
    START,
)
def _(rng, input_size, hidden_size, forget_bias=1.0):
    k = 1 / np.sqrt(hidden_size)
    return drawn(rng, input_size, hidden_size, forget_bias, lambda r, s: r.normal(0, k, s))


@mistakes(
    "init_lstm_params",
    "positive weights only",
    "Your weights are all positive; they lie on both sides of zero.",
    START,
)
def _(rng, input_size, hidden_size, forget_bias=1.0):
    k = 1 / np.sqrt(hidden_size)
    return drawn(rng, input_size, hidden_size, forget_bias, lambda r, s: r.uniform(0, k, s))


@mistakes(
    "init_lstm_params",
    "bound of another size",
    "The bound of your weights is not 1/√H.",
    START,
)
def _(rng, input_size, hidden_size, forget_bias=1.0):
    k = 1 / np.sqrt(hidden_size + input_size)
    return drawn(rng, input_size, hidden_size, forget_bias, lambda r, s: r.uniform(-k, k, s))


@mistakes(
    "init_lstm_params",
    "forget bias left at zero",
    "Your forget bias is not forget_bias: the cell would start by forgetting half at each step.",
    START,
)
def _(rng, input_size, hidden_size, forget_bias=1.0):
    return init_lstm_params(rng, input_size, hidden_size, 0.0)


@mistakes(
    "init_lstm_params",
    "forget bias everywhere",
    "All your biases are forget_bias; only b_f is, the others are 0.",
    START,
)
def _(rng, input_size, hidden_size, forget_bias=1.0):
    p = init_lstm_params(rng, input_size, hidden_size, forget_bias)
    return p._replace(b_i=p.b_f.copy(), b_c=p.b_f.copy(), b_o=p.b_f.copy())


@mistakes(
    "init_lstm_params",
    "same weights for all gates",
    "Your gates share one draw of weights, so they start as one gate; draw each anew.",
    START,
)
def _(rng, input_size, hidden_size, forget_bias=1.0):
    p = init_lstm_params(rng, input_size, hidden_size, forget_bias)
    return p._replace(W_i=p.W_f.copy(), W_c=p.W_f.copy(), W_o=p.W_f.copy())


@mistakes(
    "init_lstm_params",
    "rng not used",
    "Your weights do not come from rng: the caller can neither repeat nor vary them.",
    START,
)
def _(rng, input_size, hidden_size, forget_bias=1.0):
    own = np.random.default_rng(0)
    return init_lstm_params(own, input_size, hidden_size, forget_bias)


@mistakes(
    "init_lstm_params",
    "shapes turned",
    "The weights are (H, H + D): a row for each hidden unit.",
    START,
)
def _(rng, input_size, hidden_size, forget_bias=1.0):
    p = init_lstm_params(rng, input_size, hidden_size, forget_bias)
    return LSTMParams(*(w.T.copy() for w in p))
