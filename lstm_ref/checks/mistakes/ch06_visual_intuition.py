"""What learners get wrong in assignment 06: short wrong implementations, each with its sentence."""

import numpy as np

from lstm_ref import belt_contributions, gate_trace, plot_belt, plot_gate_heatmap
from lstm_ref.checks.exercise import Mistakes, Place

__all__ = ["mistakes"]

PAGE = "06-visual-intuition"
TRACE = Place(PAGE, "sec-gate-trace", "Recording the gates")
BELT = Place(PAGE, "sec-belt", "Who put what on the belt")
HEATMAP = Place(PAGE, "sec-heatmap", "Reading a gate heat map")
DRAWING = Place(PAGE, "sec-belt-plot", "Drawing the belt")

mistakes = Mistakes()

# ----------------------------------------------------------------------------------- gate_trace


@mistakes(
    "gate_trace",
    "states before the step",
    "Your c and h are those before each step; they are those after it.",
    TRACE,
)
def _(xs, h0, c0, params):
    trace = gate_trace(xs, h0, c0, params)
    before = {k: np.concatenate([s[None], trace[k][:-1]]) for k, s in (("c", c0), ("h", h0))}
    return trace | before


@mistakes("gate_trace", "c and h exchanged", "c and h are exchanged in your trace.", TRACE)
def _(xs, h0, c0, params):
    trace = gate_trace(xs, h0, c0, params)
    return trace | {"c": trace["h"], "h": trace["c"]}


@mistakes("gate_trace", "f and i exchanged", "f and i are exchanged in your trace.", TRACE)
def _(xs, h0, c0, params):
    trace = gate_trace(xs, h0, c0, params)
    return trace | {"f": trace["i"], "i": trace["f"]}


@mistakes(
    "gate_trace",
    "candidate already gated",
    "Your candidate is i · c̃; it is recorded before the gate acts.",
    TRACE,
)
def _(xs, h0, c0, params):
    trace = gate_trace(xs, h0, c0, params)
    return trace | {"candidate": trace["i"] * trace["candidate"]}


@mistakes(
    "gate_trace",
    "state not carried",
    "Every step of yours starts from h0 and c0; each must start where the one before ended.",
    TRACE,
)
def _(xs, h0, c0, params):
    steps = [gate_trace(x[None], h0, c0, params) for x in xs]
    return {key: np.concatenate([step[key] for step in steps]) for key in steps[0]}


@mistakes("gate_trace", "initial state ignored", "Your run starts from zero.", TRACE)
def _(xs, h0, c0, params):
    return gate_trace(xs, np.zeros_like(h0), np.zeros_like(c0), params)


@mistakes(
    "gate_trace",
    "before the squashing",
    "You record the gates' pre-activations; a gate is what σ makes of them.",
    TRACE,
)
def _(xs, h0, c0, params):
    trace = gate_trace(xs, h0, c0, params)
    return trace | {k: np.log(trace[k]) - np.log1p(-trace[k]) for k in ("f", "i", "o")}


# --------------------------------------------------------------------------- belt_contributions


@mistakes(
    "belt_contributions",
    "nothing forgotten",
    "What a step wrote stays whole in your belt; every later forget gate takes its part.",
    BELT,
)
def _(f, i, candidate, c0):
    T = len(f)
    out = np.tril(np.ones((T, T + 1), f.dtype), 1)
    return out * np.concatenate([[f.dtype.type(c0)], i * candidate])


@mistakes(
    "belt_contributions",
    "own forget gate applied",
    "What a step writes meets the forget gates of later steps only, not its own.",
    BELT,
)
def _(f, i, candidate, c0):
    out = belt_contributions(f, i, candidate, c0)
    out[:, 1:] *= f
    return out


@mistakes(
    "belt_contributions",
    "initial content left out",
    "Column 0 is empty in your belt: what is left of c0 belongs there.",
    BELT,
)
def _(f, i, candidate, c0):
    return belt_contributions(f, i, candidate, 0.0)


@mistakes(
    "belt_contributions",
    "column of c0 missing",
    "Your belt is (T, T); a first column holds what is left of c0.",
    BELT,
)
def _(f, i, candidate, c0):
    return belt_contributions(f, i, candidate, c0)[:, 1:].copy()


@mistakes(
    "belt_contributions",
    "candidate without gate",
    "You put the whole candidate on the belt; the input gate lets a part through.",
    BELT,
)
def _(f, i, candidate, c0):
    return belt_contributions(f, np.ones_like(i), candidate, c0)


@mistakes(
    "belt_contributions",
    "only the last gate",
    "Your items meet the newest forget gate only; all gates since they were written multiply.",
    BELT,
)
def _(f, i, candidate, c0):
    items = np.concatenate([[f.dtype.type(c0)], i * candidate])
    out = np.zeros((len(f), len(f) + 1), f.dtype)
    for t in range(len(f)):
        out[t, : t + 1] = items[: t + 1] * f[t]
        out[t, t + 1] = items[t + 1]
    return out


@mistakes("belt_contributions", "transposed", "Your belt is transposed: rows are time.", BELT)
def _(f, i, candidate, c0):
    return belt_contributions(f, i, candidate, c0).T.copy()


# ---------------------------------------------------------------------------- plot_gate_heatmap


def heatmap(gate, ax, transpose=True, origin="upper", limits=(0, 1), labels="xyt"):
    values = gate.T if transpose else gate
    image = ax.imshow(values, aspect="auto", origin=origin, vmin=limits[0], vmax=limits[1])
    texts = {"x": ax.set_xlabel, "y": ax.set_ylabel, "t": ax.set_title}
    for label in labels:
        texts[label]("text")
    return image


@mistakes(
    "plot_gate_heatmap",
    "time runs down",
    "Time runs down in your picture; it runs right: imshow takes rows first.",
    HEATMAP,
)
def _(gate, ax):
    return heatmap(gate, ax, transpose=False)


@mistakes(
    "plot_gate_heatmap",
    "units run up",
    "Unit 0 is at the bottom of your picture; units run down from the top.",
    HEATMAP,
)
def _(gate, ax):
    return heatmap(gate, ax, origin="lower")


@mistakes(
    "plot_gate_heatmap",
    "colours fitted to the data",
    "Your colours run over the values at hand; a gate's run from 0 to 1, so pictures compare.",
    HEATMAP,
)
def _(gate, ax):
    return heatmap(gate, ax, limits=(None, None))


@mistakes(
    "plot_gate_heatmap",
    "something left unlabelled",
    "A label or the title is missing: both axes are labelled and the picture has a title.",
    HEATMAP,
)
def _(gate, ax):
    return heatmap(gate, ax, labels="xy")


@mistakes(
    "plot_gate_heatmap",
    "image not returned",
    "Your function does not return the image it draws; the caller needs it for a colour bar.",
    HEATMAP,
)
def _(gate, ax):
    plot_gate_heatmap(gate, ax)


# ------------------------------------------------------------------------------------ plot_belt


def bars(heights, ax, stacked=True, labelled=True):
    base = np.zeros(len(heights))
    for column in heights.T:
        ax.bar(np.arange(len(heights)), column, bottom=base if stacked else 0)
        base = base + column
    if labelled:
        ax.set(xlabel="time", ylabel="content", title="belt")


@mistakes(
    "plot_belt",
    "bands not stacked",
    "Your bands all start at zero and hide each other; each starts where the one below ends.",
    DRAWING,
)
def _(contributions, ax):
    bars(np.abs(contributions), ax, stacked=False)


@mistakes(
    "plot_belt",
    "signs kept",
    "Your heights have signs, so bands overlap; heights are absolute values.",
    DRAWING,
)
def _(contributions, ax):
    bars(contributions, ax)


@mistakes(
    "plot_belt",
    "one band only",
    "You draw the total; a band for each column shows who put it there.",
    DRAWING,
)
def _(contributions, ax):
    bars(np.abs(contributions).sum(axis=1, keepdims=True), ax)


@mistakes(
    "plot_belt",
    "initial content left out",
    "Column 0, what is left of the initial content, has no band in your picture.",
    DRAWING,
)
def _(contributions, ax):
    bars(np.abs(contributions[:, 1:]), ax)


@mistakes(
    "plot_belt",
    "shares for heights",
    "Your bands are shares of the total; their heights are the contents themselves.",
    DRAWING,
)
def _(contributions, ax):
    heights = np.abs(contributions)
    bars(heights / heights.sum(axis=1, keepdims=True), ax)


@mistakes(
    "plot_belt",
    "something left unlabelled",
    "A label or the title is missing: both axes are labelled and the picture has a title.",
    DRAWING,
)
def _(contributions, ax):
    bars(np.abs(contributions), ax, labelled=False)


@mistakes(
    "plot_belt",
    "lines for bands",
    "You draw lines; bands show how much each step still holds.",
    DRAWING,
)
def _(contributions, ax):
    plot_belt(contributions, ax)
    for collection in list(ax.collections):
        collection.remove()
    ax.plot(np.abs(contributions))
