"""What learners get wrong in assignment 05: short wrong implementations, each with its sentence."""

import numpy as np

from lstm_ref import (
    LSTM1997Params,
    bidirectional_forward,
    gru_step,
    lstm1997_step,
    lstm_forward,
    parameter_counts,
    peephole_step,
    sigmoid,
    stacked_forward,
)
from lstm_ref.checks.exercise import Mistakes, Place

__all__ = ["mistakes"]

PAGE = "05-variants"
GRU = Place(PAGE, "sec-gru", "The gated recurrent unit")
PEEPHOLE = Place(PAGE, "sec-peephole", "Peephole connections")
LSTM1997 = Place(PAGE, "sec-lstm1997", "The cell of 1997")
BIDIRECTIONAL = Place(PAGE, "sec-bidirectional", "Both directions")
STACKED = Place(PAGE, "sec-stacked", "Layers on layers")
COUNTS = Place(PAGE, "sec-parameter-counts", "What a variant costs")

mistakes = Mistakes()


def join(first, second):
    return np.concatenate([first, second], axis=1)


# ------------------------------------------------------------------------------------- gru_step


def gru(x, h, p, reset="before", keep="old", act=np.tanh, order=join):
    """Make a step with parts replaced."""
    hx = order(h, x)
    z, r = sigmoid(hx @ p.W_z.T + p.b_z), sigmoid(hx @ p.W_r.T + p.b_r)
    H = h.shape[1]
    if reset == "before":
        candidate = act(order(r * h, x) @ p.W_h.T + p.b_h)
    elif reset == "after":
        candidate = act(r * (h @ p.W_h[:, :H].T) + x @ p.W_h[:, H:].T + p.b_h)
    else:
        candidate = act(hx @ p.W_h.T + p.b_h)
    return (1 - z) * h + z * candidate if keep == "old" else z * h + (1 - z) * candidate


@mistakes(
    "gru_step",
    "update gate turned round",
    "Your z keeps the old state; in this course z writes: (1 − z) · h + z · h̃.",
    GRU,
)
def _(x, h, params):
    return gru(x, h, params, keep="new")


@mistakes(
    "gru_step",
    "reset gate after the product",
    "Your reset gate acts after the product, as in PyTorch; here it acts on h before it.",
    GRU,
)
def _(x, h, params):
    return gru(x, h, params, reset="after")


@mistakes(
    "gru_step", "no reset gate", "Your candidate sees all of h: the reset gate r is missing.", GRU
)
def _(x, h, params):
    return gru(x, h, params, reset="none")


@mistakes("gru_step", "candidate with sigmoid", "Your candidate uses σ; it needs tanh.", GRU)
def _(x, h, params):
    return gru(x, h, params, act=sigmoid)


@mistakes(
    "gru_step",
    "gates exchanged",
    "z and r are exchanged: z updates, r resets.",
    GRU,
)
def _(x, h, p):
    return gru_step(x, h, p._replace(W_z=p.W_r, b_z=p.b_r, W_r=p.W_z, b_r=p.b_z))


@mistakes(
    "gru_step",
    "x before h",
    "Your answer is what you would get if x came before h: the weights act on [h, x].",
    GRU,
)
def _(x, h, params):
    return gru(x, h, params, order=lambda a, b: join(b, a))


@mistakes("gru_step", "old state lost", "Your new state is z · h̃: (1 − z) · h is missing.", GRU)
def _(x, h, p):
    z = sigmoid(join(h, x) @ p.W_z.T + p.b_z)
    return gru_step(x, h, p) - (1 - z) * h


@mistakes("gru_step", "biases left out", "Your answer leaves the biases out.", GRU)
def _(x, h, p):
    return gru_step(x, h, p._replace(b_z=0 * p.b_z, b_r=0 * p.b_r, b_h=0 * p.b_h))


# -------------------------------------------------------------------------------- peephole_step


def peephole(x, h, c, p, f_sees=None, o_sees="new", use=(1, 1, 1)):
    """Make a step with peepholes replaced."""
    hx = join(h, x)

    def look(gate, cell, on):
        seen = getattr(p, f"p_{gate}") * cell
        return hx @ getattr(p, f"W_{gate}").T + getattr(p, f"b_{gate}") + x.dtype.type(on) * seen

    f = sigmoid(look("f", h if f_sees == "h" else c, use[0]))
    i = sigmoid(look("i", h if f_sees == "h" else c, use[1]))
    c_next = f * c + i * np.tanh(hx @ p.W_c.T + p.b_c)
    o = sigmoid(look("o", c_next if o_sees == "new" else c, use[2]))
    return o * np.tanh(c_next), c_next


@mistakes(
    "peephole_step",
    "output gate sees the old cell",
    "Your output gate looks at c; it comes last and looks at the new cell state.",
    PEEPHOLE,
)
def _(x, h, c, params):
    return peephole(x, h, c, params, o_sees="old")


@mistakes("peephole_step", "no peepholes", "No gate of yours looks at the cell.", PEEPHOLE)
def _(x, h, c, params):
    return peephole(x, h, c, params, use=(0, 0, 0))


@mistakes(
    "peephole_step",
    "peephole of the output gate missing",
    "Your output gate does not look at the cell.",
    PEEPHOLE,
)
def _(x, h, c, params):
    return peephole(x, h, c, params, use=(1, 1, 0))


@mistakes(
    "peephole_step",
    "peepholes at h",
    "Your peepholes look at h; they look at the cell state.",
    PEEPHOLE,
)
def _(x, h, c, params):
    return peephole(x, h, c, params, f_sees="h")


@mistakes(
    "peephole_step",
    "forget and input gate see the new cell",
    "Your forget and input gate look at the new cell state, which they only make.",
    PEEPHOLE,
)
def _(x, h, c, p):
    _, c_next = peephole_step(x, h, c, p)
    hx = join(h, x)
    f = sigmoid(hx @ p.W_f.T + p.b_f + p.p_f * c_next)
    i = sigmoid(hx @ p.W_i.T + p.b_i + p.p_i * c_next)
    new = f * c + i * np.tanh(hx @ p.W_c.T + p.b_c)
    return sigmoid(hx @ p.W_o.T + p.b_o + p.p_o * new) * np.tanh(new), new


@mistakes(
    "peephole_step",
    "candidate looks too",
    "Your candidate looks at the cell; only the three gates do.",
    PEEPHOLE,
)
def _(x, h, c, p):
    hx = join(h, x)
    f = sigmoid(hx @ p.W_f.T + p.b_f + p.p_f * c)
    i = sigmoid(hx @ p.W_i.T + p.b_i + p.p_i * c)
    new = f * c + i * np.tanh(hx @ p.W_c.T + p.b_c + p.p_i * c)
    return sigmoid(hx @ p.W_o.T + p.b_o + p.p_o * new) * np.tanh(new), new


@mistakes(
    "peephole_step",
    "results exchanged",
    "You return (c_next, h_next); the order is (h_next, c_next).",
    PEEPHOLE,
)
def _(x, h, c, params):
    return peephole_step(x, h, c, params)[::-1]


@mistakes(
    "peephole_step",
    "peepholes exchanged",
    "p_f and p_i are exchanged.",
    PEEPHOLE,
)
def _(x, h, c, p):
    return peephole_step(x, h, c, p._replace(p_f=p.p_i, p_i=p.p_f))


# -------------------------------------------------------------------------------- lstm1997_step


def step1997(x, h, c, p, kept=None, written=None, act=np.tanh, shown=None):
    hx = join(h, x)
    i = sigmoid(hx @ p.W_i.T + p.b_i)
    candidate = act(hx @ p.W_c.T + p.b_c)
    c_next = (c if kept is None else kept(i) * c) + (
        i * candidate if written is None else candidate
    )
    o = sigmoid(hx @ p.W_o.T + p.b_o)
    return o * np.tanh(c_next if shown is None else shown), c_next


@mistakes(
    "lstm1997_step",
    "coupled forget gate",
    "Your cell keeps 1 − i of its state; the cell of 1997 kept all of it.",
    LSTM1997,
)
def _(x, h, c, params):
    return step1997(x, h, c, params, kept=lambda i: 1 - i)


@mistakes(
    "lstm1997_step",
    "input gate used to forget",
    "Your cell state is scaled by the input gate; in 1997 nothing scaled it.",
    LSTM1997,
)
def _(x, h, c, params):
    return step1997(x, h, c, params, kept=lambda i: i)


@mistakes("lstm1997_step", "no input gate", "Your candidate is written whole.", LSTM1997)
def _(x, h, c, params):
    return step1997(x, h, c, params, written=1)


@mistakes(
    "lstm1997_step",
    "nothing carried",
    "Your cell state is made anew at each step: c is missing from the sum.",
    LSTM1997,
)
def _(x, h, c, params):
    return step1997(x, h, np.zeros_like(c), params)


@mistakes("lstm1997_step", "candidate with sigmoid", "Your candidate uses σ, not tanh.", LSTM1997)
def _(x, h, c, params):
    return step1997(x, h, c, params, act=sigmoid)


@mistakes(
    "lstm1997_step",
    "old cell shown",
    "Your hidden state shows the cell before the update; it needs the new one.",
    LSTM1997,
)
def _(x, h, c, params):
    return step1997(x, h, c, params, shown=c)


@mistakes("lstm1997_step", "gates exchanged", "Input and output gate are exchanged.", LSTM1997)
def _(x, h, c, p):
    return lstm1997_step(x, h, c, LSTM1997Params(p.W_o, p.b_o, p.W_c, p.b_c, p.W_i, p.b_i))


@mistakes(
    "lstm1997_step",
    "results exchanged",
    "You return (c_next, h_next); the order is (h_next, c_next).",
    LSTM1997,
)
def _(x, h, c, params):
    return lstm1997_step(x, h, c, params)[::-1]


# ------------------------------------------------------------------------ bidirectional_forward


def run(xs, params):
    zero = np.zeros((xs.shape[1], params.b_f.size), xs.dtype)
    return lstm_forward(xs, zero, zero, params)[0]


@mistakes(
    "bidirectional_forward",
    "backward states not turned back",
    "The backward states are still in reversed time: out[t] joins both states at input t.",
    BIDIRECTIONAL,
)
def _(xs, forward, backward):
    return np.concatenate([run(xs, forward), run(xs[::-1], backward)], axis=2)


@mistakes(
    "bidirectional_forward",
    "both run forwards",
    "Both of your directions run forwards in time; time is axis 0, the batch axis 1.",
    BIDIRECTIONAL,
)
def _(xs, forward, backward):
    return np.concatenate([run(xs, forward), run(xs, backward)], axis=2)


@mistakes(
    "bidirectional_forward",
    "backward first",
    "The backward states come first in your answer; the forward ones do.",
    BIDIRECTIONAL,
)
def _(xs, forward, backward):
    H = forward.b_f.size
    out = bidirectional_forward(xs, forward, backward)
    return np.concatenate([out[:, :, H:], out[:, :, :H]], axis=2)


@mistakes(
    "bidirectional_forward",
    "same weights twice",
    "Both directions use the forward weights; each has its own.",
    BIDIRECTIONAL,
)
def _(xs, forward, backward):
    return bidirectional_forward(xs, forward, forward)


@mistakes(
    "bidirectional_forward",
    "weights exchanged",
    "The two sets of weights are exchanged.",
    BIDIRECTIONAL,
)
def _(xs, forward, backward):
    return bidirectional_forward(xs, backward, forward)


@mistakes(
    "bidirectional_forward",
    "summed",
    "You add the two directions; join them along the features, (T, B, 2H).",
    BIDIRECTIONAL,
)
def _(xs, forward, backward):
    return run(xs, forward) + run(xs[::-1], backward)[::-1]


@mistakes(
    "bidirectional_forward",
    "joined along the batch",
    "You join the directions along the batch; join them along the features, axis 2.",
    BIDIRECTIONAL,
)
def _(xs, forward, backward):
    return np.concatenate([run(xs, forward), run(xs[::-1], backward)[::-1]], axis=1)


@mistakes(
    "bidirectional_forward",
    "last backward output everywhere",
    "The backward half is its final state at every t; out[t] is its state at input t.",
    BIDIRECTIONAL,
)
def _(xs, forward, backward):
    last = run(xs[::-1], backward)[-1]
    hs = run(xs, forward)
    return np.concatenate([hs, np.broadcast_to(last, hs.shape)], axis=2)


# ------------------------------------------------------------------------------ stacked_forward


def stack(xs, layers, feed=True, top_first=False, order="hc"):
    states, hs = [], xs
    for params in layers:
        zero = np.zeros((xs.shape[1], params.b_f.size), xs.dtype)
        hs, (h, c) = lstm_forward(hs if feed else xs, zero, zero, params)
        states.append((h, c) if order == "hc" else (c, h))
    return hs, states[::-1] if top_first else states


@mistakes(
    "stacked_forward",
    "layers not fed",
    "Every layer of yours reads xs; each reads the states of the one below.",
    STACKED,
)
def _(xs, layers):
    return stack(xs, layers, feed=False)


@mistakes("stacked_forward", "top first", "Your states are not bottom first.", STACKED)
def _(xs, layers):
    return stack(xs, layers, top_first=True)


@mistakes("stacked_forward", "states exchanged", "Your states are (c, h), not (h, c).", STACKED)
def _(xs, layers):
    return stack(xs, layers, order="ch")


@mistakes(
    "stacked_forward",
    "top state only",
    "You return the top layer's state only; states is a list with one pair a layer.",
    STACKED,
)
def _(xs, layers):
    hs, states = stacked_forward(xs, layers)
    return hs, states[-1]


@mistakes(
    "stacked_forward",
    "bottom layer's states returned",
    "Your hs are the bottom layer's; they must be the top layer's.",
    STACKED,
)
def _(xs, layers):
    hs, _ = stacked_forward(xs, layers[:1])
    return hs, stacked_forward(xs, layers)[1]


@mistakes(
    "stacked_forward",
    "state handed up",
    "Each layer of yours starts from the final state of the one below; it starts from zero.",
    STACKED,
)
def _(xs, layers):
    states, hs, h, c = [], xs, None, None
    for params in layers:
        zero = np.zeros((xs.shape[1], params.b_f.size), xs.dtype)
        fits = h is not None and h.shape == zero.shape
        hs, (h, c) = lstm_forward(hs, h if fits else zero, c if fits else zero, params)
        states.append((h, c))
    return hs, states


@mistakes(
    "stacked_forward",
    "top layer left out",
    "Your stack stops before the top layer.",
    STACKED,
)
def _(xs, layers):
    hs, states = stacked_forward(xs, layers[:-1] or layers)
    return hs, states


# ----------------------------------------------------------------------------- parameter_counts


def recount(input_size, hidden_size, **changes):
    right = parameter_counts(input_size, hidden_size)
    gate = hidden_size * (hidden_size + input_size) + hidden_size
    return right | {name: change(right, gate, hidden_size) for name, change in changes.items()}


@mistakes("parameter_counts", "GRU with four gates", "A GRU has three sets of weights.", COUNTS)
def _(input_size, hidden_size):
    return recount(input_size, hidden_size, gru=lambda r, g, H: 4 * g)


@mistakes("parameter_counts", "GRU with two sets", "The GRU's candidate has weights too.", COUNTS)
def _(input_size, hidden_size):
    return recount(input_size, hidden_size, gru=lambda r, g, H: 2 * g)


@mistakes(
    "parameter_counts",
    "1997 with a forget gate",
    "The cell of 1997 had no forget gate: three sets of weights.",
    COUNTS,
)
def _(input_size, hidden_size):
    return recount(input_size, hidden_size, lstm1997=lambda r, g, H: 4 * g)


@mistakes(
    "parameter_counts",
    "peepholes as matrices",
    "Your peepholes are matrices; each is a vector (H,): a unit sees its own cell only.",
    COUNTS,
)
def _(input_size, hidden_size):
    return recount(input_size, hidden_size, peephole=lambda r, g, H: r["lstm"] + 3 * H * H)


@mistakes(
    "parameter_counts",
    "peepholes forgotten",
    "Your count leaves the three peepholes out.",
    COUNTS,
)
def _(input_size, hidden_size):
    return recount(input_size, hidden_size, peephole=lambda r, g, H: r["lstm"])


@mistakes(
    "parameter_counts",
    "one direction",
    "A bidirectional layer has two LSTMs: twice the weights.",
    COUNTS,
)
def _(input_size, hidden_size):
    return recount(input_size, hidden_size, bidirectional=lambda r, g, H: r["lstm"])


@mistakes("parameter_counts", "no biases", "Your counts leave the biases out.", COUNTS)
def _(input_size, hidden_size):
    right = parameter_counts(input_size, hidden_size)
    sets = {"rnn": 1, "gru": 3, "lstm": 4, "lstm1997": 3, "peephole": 4, "bidirectional": 8}
    return {name: count - sets[name] * hidden_size for name, count in right.items()}
