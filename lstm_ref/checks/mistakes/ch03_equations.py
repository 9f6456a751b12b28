"""What learners get wrong in assignment 03: short wrong implementations, each with its sentence."""

import numpy as np

from lstm_ref.cells import forget_gate, input_gate, lstm_step, output_gate, sigmoid, update_cell
from lstm_ref.checks.exercise import Mistakes, Place
from lstm_ref.layers import lstm_forward
from lstm_ref.params import LSTMParams

__all__ = ["mistakes"]

PAGE = "03-equations"
JOINED = Place(PAGE, "sec-concatenation", "The joined input")
FORGET = Place(PAGE, "sec-forget-gate", "Forget gate", "3.1")
INPUT = Place(PAGE, "sec-input-gate", "Input gate", "3.2")
CANDIDATE = Place(PAGE, "sec-input-gate", "Input gate", "3.3")
UPDATE = Place(PAGE, "sec-cell-update", "Cell state update", "3.4")
OUTPUT = Place(PAGE, "sec-output-gate", "Output gate", "3.5")
HIDDEN = Place(PAGE, "sec-output-gate", "Output gate", "3.6")
STEP = Place(PAGE, "sec-one-step", "One step, whole")
OVER_TIME = Place(PAGE, "sec-over-time", "Over time")
LENGTHS = Place(PAGE, "sec-lengths", "Sequences of different length")
COUNTING = Place(PAGE, "sec-counting", "Counting parameters")
SHAPES = Place(PAGE, "sec-shapes", "Shapes")

mistakes = Mistakes()


def join(first, second):
    return np.concatenate([first, second], axis=1)


# ---------------------------------------------------------------------------------- forget_gate

X_FIRST = "Your answer is what you would get if x came before h: the weights act on [h, x]."


@mistakes("forget_gate", "x before h", X_FIRST, JOINED)
def _(h, x, W_f, b_f):
    return sigmoid(join(x, h) @ W_f.T + b_f)


@mistakes("forget_gate", "no bias", "Your forget gate leaves the bias b_f out.", FORGET)
def _(h, x, W_f, b_f):
    return sigmoid(join(h, x) @ W_f.T)


@mistakes(
    "forget_gate",
    "bias after the sigmoid",
    "Your bias is added after the sigmoid; it belongs inside.",
    FORGET,
)
def _(h, x, W_f, b_f):
    return sigmoid(join(h, x) @ W_f.T) + b_f


@mistakes(
    "forget_gate",
    "tanh for sigmoid",
    "Your gate is squashed by tanh, so it can be negative; a gate needs σ.",
    FORGET,
)
def _(h, x, W_f, b_f):
    return np.tanh(join(h, x) @ W_f.T + b_f)


@mistakes("forget_gate", "no sigmoid", "Your answer stops before the sigmoid.", FORGET)
def _(h, x, W_f, b_f):
    return join(h, x) @ W_f.T + b_f


@mistakes(
    "forget_gate",
    "one minus the gate",
    "Your answer is 1 − f: either it says what to forget, or the exponent of σ has lost its minus.",
    FORGET,
)
def _(h, x, W_f, b_f):
    return 1 - forget_gate(h, x, W_f, b_f)


@mistakes("forget_gate", "bias subtracted", "Your bias is subtracted; it is added.", FORGET)
def _(h, x, W_f, b_f):
    return sigmoid(join(h, x) @ W_f.T - b_f)


UNSTABLE = (
    "Your sigmoid overflows: exp(−z) is too large a number when z is very negative. "
    "The result is right, the warning is not; use the sigmoid of the notebook."
)


@mistakes("forget_gate", "overflowing sigmoid", UNSTABLE, FORGET)
def _(h, x, W_f, b_f):
    return 1 / (1 + np.exp(-(join(h, x) @ W_f.T + b_f)))


@mistakes(
    "forget_gate",
    "transposed result",
    "Your result is transposed: rows are the batch, columns the hidden units.",
    SHAPES,
)
def _(h, x, W_f, b_f):
    return forget_gate(h, x, W_f, b_f).T


@mistakes(
    "forget_gate",
    "joined along the batch",
    "h and x are joined along the batch; join them along the features, axis 1.",
    JOINED,
)
def _(h, x, W_f, b_f):
    return sigmoid(np.concatenate([h, x], axis=0) @ W_f.T + b_f)


@mistakes(
    "forget_gate",
    "weight not transposed",
    "The product has the weight the wrong way round: W_f is (H, H + D), the rows of [h, x] are "
    "(H + D,), so the product of a batch needs W_f.T.",
    SHAPES,
)
def _(h, x, W_f, b_f):
    return sigmoid(W_f @ join(h, x) + b_f)


@mistakes(
    "forget_gate",
    "always double precision",
    "Your answer is float64 for float32 inputs: an array made on the way has a dtype of its own.",
    SHAPES,
)
def _(h, x, W_f, b_f):
    return forget_gate(h, x, W_f, b_f).astype(np.float64)


# ----------------------------------------------------------------------------------- input_gate


@mistakes("input_gate", "x before h", X_FIRST, JOINED)
def _(h, x, W_i, b_i, W_c, b_c):
    xh = join(x, h)
    return sigmoid(xh @ W_i.T + b_i), np.tanh(xh @ W_c.T + b_c)


@mistakes(
    "input_gate",
    "candidate with sigmoid",
    "Your candidate is squashed by σ, so the cell can only be added to; it needs tanh.",
    CANDIDATE,
)
def _(h, x, W_i, b_i, W_c, b_c):
    hx = join(h, x)
    return sigmoid(hx @ W_i.T + b_i), sigmoid(hx @ W_c.T + b_c)


@mistakes(
    "input_gate",
    "gate with tanh",
    "Your input gate is squashed by tanh; a gate needs σ, the candidate tanh.",
    INPUT,
)
def _(h, x, W_i, b_i, W_c, b_c):
    hx = join(h, x)
    return np.tanh(hx @ W_i.T + b_i), np.tanh(hx @ W_c.T + b_c)


@mistakes(
    "input_gate",
    "activations exchanged",
    "σ and tanh are exchanged: the gate i takes σ, the candidate takes tanh.",
    INPUT,
)
def _(h, x, W_i, b_i, W_c, b_c):
    hx = join(h, x)
    return np.tanh(hx @ W_i.T + b_i), sigmoid(hx @ W_c.T + b_c)


@mistakes(
    "input_gate",
    "results exchanged",
    "You return the candidate first; the order is (i, candidate).",
    INPUT,
)
def _(h, x, W_i, b_i, W_c, b_c):
    return input_gate(h, x, W_i, b_i, W_c, b_c)[::-1]


@mistakes(
    "input_gate",
    "weights exchanged",
    "W_i, b_i and W_c, b_c are exchanged: your gate uses the candidate's weights.",
    INPUT,
)
def _(h, x, W_i, b_i, W_c, b_c):
    return input_gate(h, x, W_c, b_c, W_i, b_i)


@mistakes(
    "input_gate",
    "same weights twice",
    "Your candidate uses the gate's weights W_i, b_i; it has its own, W_c, b_c.",
    CANDIDATE,
)
def _(h, x, W_i, b_i, W_c, b_c):
    return input_gate(h, x, W_i, b_i, W_i, b_i)


@mistakes("input_gate", "no biases", "Your answer leaves the biases out.", INPUT)
def _(h, x, W_i, b_i, W_c, b_c):
    return input_gate(h, x, W_i, 0 * b_i, W_c, 0 * b_c)


@mistakes(
    "input_gate",
    "candidate already gated",
    "Your second result is i · c̃; the candidate is returned before the gate acts on it.",
    CANDIDATE,
)
def _(h, x, W_i, b_i, W_c, b_c):
    i, candidate = input_gate(h, x, W_i, b_i, W_c, b_c)
    return i, i * candidate


@mistakes("input_gate", "no candidate", "You return one of the two results; return both.", INPUT)
def _(h, x, W_i, b_i, W_c, b_c):
    return input_gate(h, x, W_i, b_i, W_c, b_c)[0]


@mistakes("input_gate", "overflowing sigmoid", UNSTABLE, INPUT)
def _(h, x, W_i, b_i, W_c, b_c):
    _, candidate = input_gate(h, x, W_i, b_i, W_c, b_c)
    return 1 / (1 + np.exp(-(join(h, x) @ W_i.T + b_i))), candidate


# ---------------------------------------------------------------------------------- update_cell


@mistakes(
    "update_cell",
    "gates exchanged",
    "f and i are exchanged: f acts on the old cell state, i on the candidate.",
    UPDATE,
)
def _(f, c_prev, i, candidate):
    return i * c_prev + f * candidate


@mistakes(
    "update_cell",
    "coupled gates",
    "Your candidate is scaled by 1 − f. That is a variant (chapter 5); here i has its own value.",
    UPDATE,
)
def _(f, c_prev, i, candidate):
    return f * c_prev + (1 - f) * candidate


@mistakes(
    "update_cell",
    "no forgetting",
    "Your cell keeps all of c_prev: the forget gate is missing. So was it in 1997.",
    UPDATE,
)
def _(f, c_prev, i, candidate):
    return c_prev + i * candidate


@mistakes("update_cell", "no input gate", "Your candidate is written whole; i scales it.", UPDATE)
def _(f, c_prev, i, candidate):
    return f * c_prev + candidate


@mistakes(
    "update_cell",
    "squashed cell",
    "Your cell state is passed through tanh. It is not: that is what keeps the path linear.",
    UPDATE,
)
def _(f, c_prev, i, candidate):
    return np.tanh(update_cell(f, c_prev, i, candidate))


@mistakes(
    "update_cell",
    "matrix product",
    "Your answer multiplies matrices; the product here is element by element, *.",
    UPDATE,
)
def _(f, c_prev, i, candidate):
    return f @ c_prev + i @ candidate


@mistakes(
    "update_cell",
    "one minus forget",
    "Your cell keeps 1 − f of its state; f is the part that is kept.",
    UPDATE,
)
def _(f, c_prev, i, candidate):
    return (1 - f) * c_prev + i * candidate


@mistakes("update_cell", "minus", "The new content is subtracted; it is added.", UPDATE)
def _(f, c_prev, i, candidate):
    return f * c_prev - i * candidate


@mistakes(
    "update_cell",
    "in place",
    "Your function changes c_prev itself (*= and += work in place): the caller's state is lost.",
    UPDATE,
)
def _(f, c_prev, i, candidate):
    c_prev *= f
    c_prev += i * candidate
    return c_prev


# ---------------------------------------------------------------------------------- output_gate


@mistakes("output_gate", "x before h", X_FIRST, JOINED)
def _(h, x, c, W_o, b_o):
    o = sigmoid(join(x, h) @ W_o.T + b_o)
    return o, o * np.tanh(c)


@mistakes(
    "output_gate",
    "no tanh on the cell",
    "Your hidden state is o · c; the cell state passes tanh first, so that h stays in (−1, 1).",
    HIDDEN,
)
def _(h, x, c, W_o, b_o):
    o, _ = output_gate(h, x, c, W_o, b_o)
    return o, o * c


@mistakes(
    "output_gate",
    "tanh outside",
    "Your hidden state is tanh(o · c); the gate acts after tanh: o · tanh(c).",
    HIDDEN,
)
def _(h, x, c, W_o, b_o):
    o, _ = output_gate(h, x, c, W_o, b_o)
    return o, np.tanh(o * c)


@mistakes(
    "output_gate",
    "sigmoid on the cell",
    "The cell state is squashed by σ; it needs tanh, so that h can be negative.",
    HIDDEN,
)
def _(h, x, c, W_o, b_o):
    o, _ = output_gate(h, x, c, W_o, b_o)
    return o, o * sigmoid(c)


@mistakes(
    "output_gate",
    "results exchanged",
    "You return the hidden state first; the order is (o, h_next).",
    OUTPUT,
)
def _(h, x, c, W_o, b_o):
    return output_gate(h, x, c, W_o, b_o)[::-1]


@mistakes(
    "output_gate",
    "old hidden state",
    "Your hidden state is made of h; it shows the cell: o · tanh(c).",
    HIDDEN,
)
def _(h, x, c, W_o, b_o):
    o, _ = output_gate(h, x, c, W_o, b_o)
    return o, o * np.tanh(h)


@mistakes("output_gate", "gate with tanh", "Your output gate uses tanh; a gate needs σ.", OUTPUT)
def _(h, x, c, W_o, b_o):
    o = np.tanh(join(h, x) @ W_o.T + b_o)
    return o, o * np.tanh(c)


@mistakes("output_gate", "no bias", "Your output gate leaves the bias b_o out.", OUTPUT)
def _(h, x, c, W_o, b_o):
    return output_gate(h, x, c, W_o, 0 * b_o)


@mistakes(
    "output_gate",
    "gate only",
    "You return the hidden state or the gate alone; return both, (o, h_next).",
    OUTPUT,
)
def _(h, x, c, W_o, b_o):
    return output_gate(h, x, c, W_o, b_o)[1]


@mistakes("output_gate", "overflowing sigmoid", UNSTABLE, OUTPUT)
def _(h, x, c, W_o, b_o):
    o = 1 / (1 + np.exp(-(join(h, x) @ W_o.T + b_o)))
    return o, o * np.tanh(c)


# ------------------------------------------------------------------------------------ lstm_step


def step_from(x, h, c, params, f=None, i=None, candidate=None, shown=None):
    """Make a step of given parts; those left out are right."""
    right_i, right_candidate = input_gate(h, x, params.W_i, params.b_i, params.W_c, params.b_c)
    f = forget_gate(h, x, params.W_f, params.b_f) if f is None else f
    i = right_i if i is None else i
    candidate = right_candidate if candidate is None else candidate
    c_next = update_cell(f, c, i, candidate)
    shown = c_next if shown is None else shown
    return output_gate(h, x, shown, params.W_o, params.b_o)[1], c_next


@mistakes(
    "lstm_step",
    "old cell shown",
    "Your hidden state shows the cell state before the update; it needs the new one, c_next.",
    HIDDEN,
)
def _(x, h, c, params):
    return step_from(x, h, c, params, shown=c)


@mistakes(
    "lstm_step",
    "results exchanged",
    "You return (c_next, h_next); the order is (h_next, c_next).",
    STEP,
)
def _(x, h, c, params):
    return lstm_step(x, h, c, params)[::-1]


@mistakes("lstm_step", "x before h", X_FIRST, JOINED)
def _(x, h, c, params):
    H = h.shape[1]
    D = x.shape[1]
    turned = [np.concatenate([p[:, D:], p[:, :D]], 1) if p.ndim == 2 else p for p in params]
    assert turned[0].shape == (H, H + D)
    return lstm_step(x, h, c, LSTMParams(*turned))


@mistakes(
    "lstm_step",
    "forget and input gate exchanged",
    "The forget gate and the input gate are exchanged. Take the parameters by name: PyTorch's "
    "order is i, f, g, o, the course's f, i, c, o.",
    UPDATE,
)
def _(x, h, c, params):
    i, _ = input_gate(h, x, params.W_i, params.b_i, params.W_c, params.b_c)
    f = forget_gate(h, x, params.W_f, params.b_f)
    return step_from(x, h, c, params, f=i, i=f)


@mistakes(
    "lstm_step",
    "no forget gate",
    "Your step has no forget gate: the cell keeps everything, as it did in 1997.",
    UPDATE,
)
def _(x, h, c, params):
    return step_from(x, h, c, params, f=np.ones_like(c))


@mistakes(
    "lstm_step",
    "no input gate",
    "Your step writes the whole candidate: the input gate is missing.",
    UPDATE,
)
def _(x, h, c, params):
    return step_from(x, h, c, params, i=np.ones_like(c))


@mistakes(
    "lstm_step",
    "candidate with sigmoid",
    "Your candidate is squashed by σ; it needs tanh.",
    CANDIDATE,
)
def _(x, h, c, params):
    return step_from(x, h, c, params, candidate=sigmoid(join(h, x) @ params.W_c.T + params.b_c))


@mistakes(
    "lstm_step",
    "no tanh on the cell",
    "Your hidden state is o · c_next; the cell state passes tanh first.",
    HIDDEN,
)
def _(x, h, c, params):
    _, c_next = lstm_step(x, h, c, params)
    o, _ = output_gate(h, x, c_next, params.W_o, params.b_o)
    return o * c_next, c_next


@mistakes(
    "lstm_step",
    "squashed cell",
    "Your cell state is passed through tanh before it is handed on; only h shows it squashed.",
    UPDATE,
)
def _(x, h, c, params):
    h_next, c_next = lstm_step(x, h, c, params)
    return h_next, np.tanh(c_next)


@mistakes(
    "lstm_step",
    "output gate sees the new state",
    "Your output gate is computed from the new hidden state; all gates see the same h and x, "
    "those before the step.",
    OUTPUT,
)
def _(x, h, c, params):
    h_next, c_next = lstm_step(x, h, c, params)
    return output_gate(h_next, x, c_next, params.W_o, params.b_o)[1], c_next


@mistakes(
    "lstm_step",
    "state changed in place",
    "Your step changes the caller's c (*= and += work in place); make a new array.",
    STEP,
)
def _(x, h, c, params):
    h_next, c_next = lstm_step(x, h, c, params)
    c[...] = c_next
    return h_next, c_next


# --------------------------------------------------------------------------------- lstm_forward


def run(xs, h0, c0, params, lengths=None, hold=True, blank=True, end=0):
    """Run over time with the parts of the length rule switched off one by one."""
    h, c = h0.copy(), c0.copy()
    hs = np.zeros((len(xs), *h0.shape), dtype=h0.dtype)
    lengths = np.full(len(h0), len(xs)) if lengths is None else lengths
    for t, x in enumerate(xs):
        h_next, c_next = lstm_step(x, h, c, params)
        running = (t < lengths + end)[:, None]
        hs[t] = np.where(
            running | (not blank), h_next if not hold else np.where(running, h_next, h), 0
        )
        h = np.where(running | (not hold), h_next, h)
        c = np.where(running | (not hold), c_next, c)
    return hs, (h, c)


@mistakes(
    "lstm_forward",
    "lengths ignored",
    "Your answer treats every sequence as if it had T steps: lengths is not used.",
    LENGTHS,
)
def _(xs, h0, c0, params, lengths=None):
    return lstm_forward(xs, h0, c0, params)


@mistakes(
    "lstm_forward",
    "state not held",
    "Past a sequence's end your state goes on changing; it must be held.",
    LENGTHS,
)
def _(xs, h0, c0, params, lengths=None):
    return run(xs, h0, c0, params, lengths, hold=False)


@mistakes(
    "lstm_forward",
    "rows not zero past the end",
    "Past a sequence's end your rows of hs repeat the held state; they must be zero.",
    LENGTHS,
)
def _(xs, h0, c0, params, lengths=None):
    return run(xs, h0, c0, params, lengths, blank=False)


@mistakes(
    "lstm_forward",
    "one step too long",
    "Your sequences run one step too long: with length 3 the steps are t = 0, 1, 2.",
    LENGTHS,
)
def _(xs, h0, c0, params, lengths=None):
    return run(xs, h0, c0, params, lengths, end=1)


@mistakes(
    "lstm_forward",
    "one step too short",
    "Your sequences stop one step early: with length 3 the steps are t = 0, 1, 2.",
    LENGTHS,
)
def _(xs, h0, c0, params, lengths=None):
    return run(xs, h0, c0, params, lengths, end=-1)


@mistakes(
    "lstm_forward",
    "states zeroed past the end",
    "Your final state of a finished sequence is zero; it must be the state at its last step.",
    LENGTHS,
)
def _(xs, h0, c0, params, lengths=None):
    hs, (h, c) = lstm_forward(xs, h0, c0, params, lengths)
    if lengths is None:
        return hs, (h, c)
    running = (len(xs) <= lengths)[:, None]
    return hs, (np.where(running, h, 0).astype(h.dtype), np.where(running, c, 0).astype(c.dtype))


@mistakes(
    "lstm_forward",
    "last row for final state",
    "Your h_T is hs[-1]; for a sequence that ended before T that row is zero, not its state.",
    LENGTHS,
)
def _(xs, h0, c0, params, lengths=None):
    hs, (_, c) = lstm_forward(xs, h0, c0, params, lengths)
    return hs, (hs[-1], c)


@mistakes(
    "lstm_forward",
    "initial state ignored",
    "Your run starts from zero; it must start from h0 and c0.",
    OVER_TIME,
)
def _(xs, h0, c0, params, lengths=None):
    return lstm_forward(xs, np.zeros_like(h0), np.zeros_like(c0), params, lengths)


@mistakes(
    "lstm_forward",
    "initial states exchanged",
    "h0 and c0 are exchanged.",
    OVER_TIME,
)
def _(xs, h0, c0, params, lengths=None):
    return lstm_forward(xs, c0, h0, params, lengths)


@mistakes(
    "lstm_forward",
    "states exchanged",
    "Your final states are (c_T, h_T); the order is (h_T, c_T).",
    OVER_TIME,
)
def _(xs, h0, c0, params, lengths=None):
    hs, (h, c) = lstm_forward(xs, h0, c0, params, lengths)
    return hs, (c, h)


@mistakes(
    "lstm_forward",
    "state before the step recorded",
    "Your hs[t] is the state before input xs[t]; it must be the one after.",
    OVER_TIME,
)
def _(xs, h0, c0, params, lengths=None):
    hs, states = lstm_forward(xs, h0, c0, params, lengths)
    return np.concatenate([h0[None], hs[:-1]]), states


@mistakes(
    "lstm_forward",
    "cell states recorded",
    "Your hs holds cell states; it must hold hidden states.",
    OVER_TIME,
)
def _(xs, h0, c0, params, lengths=None):
    h, c = h0, c0
    cs = []
    for x in xs:
        h, c = lstm_step(x, h, c, params)
        cs.append(c)
    return np.stack(cs), (h, c)


@mistakes(
    "lstm_forward",
    "state not carried",
    "Every step of yours starts from h0 and c0; each must start where the one before ended.",
    OVER_TIME,
)
def _(xs, h0, c0, params, lengths=None):
    steps = [lstm_step(x, h0, c0, params) for x in xs]
    return np.stack([h for h, _ in steps]), steps[-1]


@mistakes(
    "lstm_forward",
    "cell state not carried",
    "Your hidden state is carried on, but every step starts from the same cell state c0.",
    OVER_TIME,
)
def _(xs, h0, c0, params, lengths=None):
    h, hs = h0, []
    for x in xs:
        h, c = lstm_step(x, h, c0, params)
        hs.append(h)
    return np.stack(hs), (h, c)


@mistakes(
    "lstm_forward",
    "backwards in time",
    "Your loop runs from the last input to the first.",
    OVER_TIME,
)
def _(xs, h0, c0, params, lengths=None):
    hs, states = lstm_forward(xs[::-1], h0, c0, params, lengths)
    return hs[::-1].copy(), states


@mistakes(
    "lstm_forward",
    "batch first",
    "Your result is batch-first, (B, T, H); the course is time-major, (T, B, H).",
    SHAPES,
)
def _(xs, h0, c0, params, lengths=None):
    hs, states = lstm_forward(xs, h0, c0, params, lengths)
    return hs.swapaxes(0, 1).copy(), states


@mistakes(
    "lstm_forward",
    "always double precision",
    "Your hs is float64 for float32 inputs: np.zeros makes float64 unless told otherwise.",
    SHAPES,
)
def _(xs, h0, c0, params, lengths=None):
    hs, states = lstm_forward(xs, h0, c0, params, lengths)
    return hs.astype(np.float64), states


@mistakes(
    "lstm_forward",
    "initial state handed back",
    "With a length of 0 your final state is the caller's own array; return a copy.",
    LENGTHS,
)
def _(xs, h0, c0, params, lengths=None):
    hs, (h, c) = lstm_forward(xs, h0, c0, params, lengths)
    if lengths is not None and not lengths.any():
        return hs, (h0, c0)
    return hs, (h, c)


# ----------------------------------------------------------------------------- count_parameters


@mistakes("count_parameters", "no biases", "Your count leaves the four biases out.", COUNTING)
def _(input_size, hidden_size):
    return 4 * hidden_size * (hidden_size + input_size)


@mistakes(
    "count_parameters",
    "one gate",
    "Your count is that of one gate; an LSTM has three gates and a candidate.",
    COUNTING,
)
def _(input_size, hidden_size):
    return hidden_size * (hidden_size + input_size) + hidden_size


@mistakes(
    "count_parameters",
    "candidate forgotten",
    "Your count has three sets of weights; the candidate has a set of its own.",
    COUNTING,
)
def _(input_size, hidden_size):
    return 3 * (hidden_size * (hidden_size + input_size) + hidden_size)


@mistakes(
    "count_parameters",
    "two biases a gate",
    "Your count has two biases a gate, as PyTorch keeps them; the course has one.",
    COUNTING,
)
def _(input_size, hidden_size):
    return 4 * (hidden_size * (hidden_size + input_size) + 2 * hidden_size)


@mistakes(
    "count_parameters",
    "no recurrent weights",
    "Your count leaves out the weights that act on h.",
    COUNTING,
)
def _(input_size, hidden_size):
    return 4 * (hidden_size * input_size + hidden_size)


@mistakes(
    "count_parameters",
    "sizes exchanged",
    "input_size and hidden_size are exchanged in your count.",
    COUNTING,
)
def _(input_size, hidden_size):
    return 4 * (input_size * (hidden_size + input_size) + input_size)


@mistakes(
    "count_parameters",
    "one bias for all gates",
    "Your count has the biases of one gate only.",
    COUNTING,
)
def _(input_size, hidden_size):
    return 4 * hidden_size * (hidden_size + input_size) + hidden_size
