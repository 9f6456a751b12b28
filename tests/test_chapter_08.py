"""What chapter 8 shows must be what `lstm_ref` computes: its trials, its figures, its widget."""

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import pytest

import lstm_ref
from lstm_ref import plots_legacy, tree_items, tree_map
from lstm_ref.trials import overwriting, reading, switching
from lstm_ref.trials.parity import train_parity
from lstm_ref.widgets.addressing import addressing_figure
from tests.javascript import run_js


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def assert_gradients(loss, params, grads, rng, entries=4):
    """Compare some entries of every gradient with central differences."""
    named = dict(tree_items(grads))
    for name, value in list(tree_items(params)):
        for index in rng.integers(0, value.size, entries):
            at = np.unravel_index(index, value.shape)

            def shifted(by, name=name, at=at):
                moved = tree_map(np.copy, params)
                dict(tree_items(moved))[name][at] += by
                return loss(moved)

            slope = (shifted(1e-5) - shifted(-1e-5)) / 2e-5
            np.testing.assert_allclose(named[name][at], slope, rtol=1e-5, atol=1e-8, err_msg=name)


def scattered(params, rng):
    """Move parameters off the special values at which training starts."""
    return tree_map(lambda value: value + 0.1 * rng.standard_normal(value.shape), params)


# ------------------------------------------------------------------------------ gated attention


def test_a_query_asks_for_an_item_of_its_own_sequence(rng):
    batch = reading.reading_batch(rng, size=3, items=4)
    same = batch.queries[:, None, :6] == batch.keys
    at = same.all(axis=2)
    assert (at.sum(axis=1) == 1).all() and batch.mask[at].all()
    wanted = batch.queries[:, 6:]
    np.testing.assert_array_equal(batch.targets, wanted * batch.values[at.argmax(axis=1)])


@pytest.mark.parametrize("kind", reading.READERS)
def test_gradients_of_readers(kind, rng):
    batch = reading.reading_batch(rng, size=2, items=3)
    params = scattered(reading.init_reader_params(rng, 6, 3), rng)
    _, grads, _ = reading.reader_loss(params, batch, kind)
    assert_gradients(lambda p: reading.reader_loss(p, batch, kind)[0], params, grads, rng)


def test_sequences_in_one_batch_do_not_see_each_other(rng):
    batch = reading.reading_batch(rng, size=2, items=3)
    params = reading.init_reader_params(rng, 6, 3)
    *_, answers = reading.reader_loss(params, batch)
    other = batch._replace(values=np.concatenate([batch.values[:3], 5 + batch.values[3:]]))
    *_, changed = reading.reader_loss(params, other)
    np.testing.assert_array_equal(answers[:3], changed[:3])
    assert (answers[3:] != changed[3:]).all()


def test_no_open_reader_can_beat_a_sixth():
    patterns = np.array([[a, b, c] for a in (0, 1) for b in (0, 1) for c in (0, 1)], dtype=float)
    p = patterns.mean(axis=1, keepdims=True)
    assert ((patterns - p) ** 2).mean() == pytest.approx(1 / 6)
    assert ((patterns - 0.5) ** 2).mean() == 0.25


@pytest.mark.slow
def test_a_reader_needs_its_gate():
    odds = np.array([1, 3, 3, 1]) / 8
    gated, opened = (reading.train_reader(kind, seed=0).errors @ odds for kind in ("gated", "open"))
    assert gated < 0.02 < 1 / 6 < opened


# -------------------------------------------------------------------------- a memory with addresses


def test_a_batch_of_stores_is_what_the_reference_computes(rng):
    runs, size, steps = 2, 3, 5
    params = scattered(overwriting.init_store_params([rng, rng]), rng)
    xs = rng.standard_normal((steps, runs, size, 8))
    reads, memories, tape, _ = overwriting.store_trace(xs, params)
    for r in range(runs):
        p = overwriting.StoreParams(*(value[r] for value in params))
        for b in range(size):
            memory = p.memory[0]
            for t in range(steps):
                x = xs[t, r, b]
                strength = np.logaddexp(0, p.W_strength @ x + p.b_strength[0])
                key = np.tanh(p.W_key @ x + p.b_key[0])
                w = lstm_ref.content_addressing(memory, key, strength[0])
                erase = lstm_ref.sigmoid(p.W_erase @ x + p.b_erase[0])
                add = np.tanh(p.W_add @ x + p.b_add[0])
                memory = lstm_ref.memory_write(memory, w, erase, add)
                find = np.tanh(p.W_find @ x + p.b_find[0])
                v = lstm_ref.content_addressing(memory, find, strength[1])
                read = lstm_ref.memory_read(memory, v)
                np.testing.assert_allclose(tape[t][0][r, b], w, rtol=1e-10)
                np.testing.assert_allclose(tape[t][1][r, b], v, rtol=1e-10)
                np.testing.assert_allclose(reads[t, r, b], read, rtol=1e-10, atol=1e-13)
            np.testing.assert_allclose(memories[r, b], memory, rtol=1e-10, atol=1e-13)


def test_the_way_back_through_stores_is_made_of_the_references(rng):
    """One run, one sequence, each step taken back by the functions of `lstm_ref.legacy`."""
    batch = overwriting._batches([rng], 1, 5)
    batch = batch._replace(asked=np.ones_like(batch.asked))
    params = scattered(overwriting.init_store_params([rng]), rng)
    _, grads, answers = overwriting.store_loss(params, batch)
    _, _, tape, heads = overwriting.store_trace(batch.xs, params)
    scale = 2 * batch.asked[..., None] / (3 * batch.asked.sum())
    dreads = (scale * (answers - batch.targets) @ params.W_y)[:, 0, 0]  # (T, M)
    key, find, strength, erase, add = (part[:, 0, 0] for part in heads)
    dmemory, deltas = np.zeros_like(tape[0][2][0, 0]), []
    for t in reversed(range(5)):
        w, v, memory, after = (part[0, 0] for part in tape[t][:4])
        dafter, dv = lstm_ref.memory_read_backward(dreads[t], after, v)
        more, dfind, dread_strength = lstm_ref.content_addressing_backward(
            dv, after, find[t], strength[t, 1]
        )
        dmemory, dw, derase, dadd = lstm_ref.memory_write_backward(
            dmemory + dafter + more, memory, w, erase[t], add[t]
        )
        more, dkey, dstrength = lstm_ref.content_addressing_backward(
            dw, memory, key[t], strength[t, 0]
        )
        dmemory = dmemory + more
        slope = -np.expm1(-strength[t])
        deltas.insert(
            0,
            (
                dkey * (1 - key[t] ** 2),
                dfind * (1 - find[t] ** 2),
                np.array([dstrength, dread_strength]) * slope,
                derase * erase[t] * (1 - erase[t]),
                dadd * (1 - add[t] ** 2),
            ),
        )
    xs = batch.xs[:, 0, 0]
    for k, name in enumerate(("key", "find", "strength", "erase", "add")):
        delta = np.array([step[k] for step in deltas])
        close = dict(rtol=1e-9, atol=1e-13)
        np.testing.assert_allclose(getattr(grads, f"W_{name}")[0], delta.T @ xs, **close)
        np.testing.assert_allclose(getattr(grads, f"b_{name}")[0, 0], delta.sum(axis=0), **close)
    np.testing.assert_allclose(grads.memory[0, 0], dmemory, rtol=1e-9, atol=1e-13)


@pytest.mark.parametrize("kind", overwriting.STORES)
def test_gradients_of_stores(kind, rng):
    batch = overwriting._batches([rng, rng], 3, 6)
    params = scattered(overwriting.init_store_params([rng, rng]), rng)
    _, grads, _ = overwriting.store_loss(params, batch, kind)
    assert_gradients(lambda p: overwriting.store_loss(p, batch, kind)[0], params, grads, rng)


def test_a_store_that_never_erases_only_adds(rng):
    params = overwriting.init_store_params([rng])
    xs = overwriting.overwriting_batch(rng, 2, 4).xs[:, None]
    _, memory, tape, heads = overwriting.store_trace(xs, params, "never")
    written = sum(
        step[0][..., None] * add[..., None, :] for step, add in zip(tape, heads.add, strict=True)
    )
    np.testing.assert_allclose(memory, params.memory + written, rtol=1e-12)


def test_gradients_of_the_lstm_beside_the_stores(rng):
    batch = overwriting.overwriting_batch(rng, 3, 6)
    params = (lstm_ref.init_lstm_params(rng, 8, 5), lstm_ref.init_linear_params(rng, 5, 3))
    _, grads, _ = overwriting._lstm_loss(params, batch)
    assert_gradients(lambda p: overwriting._lstm_loss(p, batch)[0], params, grads, rng)


def test_the_last_value_written_is_the_answer(rng):
    xs, targets, asked = overwriting.overwriting_batch(rng, size=50, steps=20)
    for b in range(50):
        store = {}
        for x, target, counts in zip(xs[:, b], targets[:, b], asked[:, b], strict=True):
            key, value, asks = x[:4].argmax(), x[4:7], x[7]
            if asks:
                assert counts == (key in store)
                assert not value.any() and (key not in store or (store[key] == target).all())
            else:
                store[key] = value


@pytest.mark.slow
def test_a_store_needs_to_erase_and_keeps_a_row_for_each_key():
    results = {kind: overwriting.train_stores(kind, seeds=(0,)) for kind in overwriting.STORES}
    assert results["erase"].accuracy.min() > 0.95
    assert results["never"].accuracy.max() < 0.8
    rows, spared = overwriting.row_use(results["erase"].params)
    assert len(set(rows[0])) == 4 and spared[0] > 0.9


# ------------------------------------------------------------------------------ variable selection


@pytest.mark.parametrize("kind", switching.SELECTORS)
def test_gradients_of_selectors(kind, rng):
    xs, targets = switching.switching_batch(rng, 5, variables=3)
    params = scattered(switching.init_selector_params(rng, variables=3, width=4), rng)
    _, grads, _ = switching.selector_loss(params, xs, targets, kind)
    assert_gradients(lambda p: switching.selector_loss(p, xs, targets, kind)[0], params, grads, rng)


def test_opened_gates_stay_open(rng):
    xs, targets = switching.switching_batch(rng, 5)
    params = switching.open_gates(switching.init_selector_params(rng))
    _, grads, _ = switching.selector_loss(params, xs, targets)
    for block in (*grads.vsn.variables, grads.vsn.selection):
        assert not block.W_4.any() and not block.b_4.any()


def test_the_best_sum_of_functions_leaves_one_half(rng):
    xs, targets = switching.switching_batch(rng, 200_000)
    error = ((targets[:, 0] - xs[:, 1] / 2 - xs[:, 2] / 2) ** 2).mean()
    assert error == pytest.approx(0.5, abs=0.01)


@pytest.mark.slow
def test_a_selector_needs_to_choose():
    chosen, equal = (switching.train_selector(kind, 0, 300) for kind in switching.SELECTORS)
    assert chosen.error < 0.1 < 0.45 < equal.error
    assert chosen.weights[0].argmax() == 1 and chosen.weights[1].argmax() == 2


# ----------------------------------------------------------------------------------- state tracking


@pytest.mark.slow
def test_an_lstm_tracks_parity_and_a_linear_scan_with_positive_gates_does_not():
    lstm = train_parity(lstm_ref.lstm_layer(), seed=0)
    minimal = train_parity(lstm_ref.min_lstm_layer(1.0), seed=0)
    assert lstm.min() > 0.99 and abs(minimal - 0.5).max() < 0.1


def test_a_linear_scan_with_negative_factors_tracks_parity(rng):
    bits = rng.integers(0, 2, 300)
    hs = lstm_ref.linear_scan(1.0 - 2 * bits, np.zeros(300), np.array(1.0))
    np.testing.assert_array_equal(hs < 0, np.cumsum(bits) % 2 == 1)


# ------------------------------------------------------------------------------ state-space models


def test_a_held_input_solves_the_differential_equation():
    a, b, u, h, step = -0.7, 1.3, 0.4, 2.0, 0.9
    keep, write = lstm_ref.zero_order_hold(a, b, step)
    parts = 200_000  # small steps of Euler
    fine = h
    for _ in range(parts):
        fine += step / parts * (a * fine + b * u)
    assert keep * h + write * u == pytest.approx(fine, rel=1e-5)


def test_without_decay_a_held_input_adds_up():
    keep, write = lstm_ref.zero_order_hold(np.array([0.0, -1e-12]), 2.0, 0.5)
    np.testing.assert_allclose(keep, 1)
    np.testing.assert_allclose(write, 1)


def test_a_state_space_model_with_a_step_of_softplus_has_a_gate(rng):
    z = rng.uniform(-30, 30, 50)
    keep, write = lstm_ref.zero_order_hold(-1.0, 1.0, np.logaddexp(0, z))
    np.testing.assert_allclose(write, lstm_ref.sigmoid(z), rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(keep, lstm_ref.sigmoid(-z), rtol=1e-12, atol=1e-15)


def test_zero_order_hold_refuses_shapes_that_do_not_fit():
    with pytest.raises(ValueError, match="broadcast"):
        lstm_ref.zero_order_hold(np.ones(2), np.ones(3), 1.0)


# ------------------------------------------------------------------------------------ all trials


RNG = np.random.default_rng(0)
STORE = overwriting.init_store_params([RNG])

#: A call that must be refused, and a part of what it says.
BAD = {
    "reading_batch": (lambda: reading.reading_batch(RNG, 0), "size as an integer of at least 1"),
    "reading_batch: a seed": (lambda: reading.reading_batch(0, 2), "rng as a numpy.random"),
    "init_reader_params": (lambda: reading.init_reader_params(RNG, 0, 3), "width as an integer"),
    "reader_loss": (lambda: reading.reader_loss(None, None, "shut"), "out of gated, open, added"),
    "train_reader": (lambda: reading.train_reader("shut", 0, 1), "out of gated, open, added"),
    "overwriting_batch": (lambda: overwriting.overwriting_batch(RNG, 1, 0), "steps as an integer"),
    "init_store_params": (lambda: overwriting.init_store_params([]), "generators as an integer"),
    "init_store_params: a seed": (lambda: overwriting.init_store_params([0]), "rng as a numpy"),
    "store_trace": (lambda: overwriting.store_trace(None, STORE, "no"), "out of erase, never"),
    "store_loss": (
        lambda: overwriting.store_loss(STORE, overwriting._batches([RNG], 2, 3), "no"),
        "out of erase, never",
    ),
    "row_use": (lambda: overwriting.row_use(STORE, steps=0), "steps as an integer of at least 1"),
    "train_stores": (lambda: overwriting.train_stores("no", (0,)), "out of erase, never"),
    "train_lstm": (lambda: overwriting.train_lstm(0, (0,)), "sizes of at least 1"),
    "switching_batch": (lambda: switching.switching_batch(RNG, 5, 2), "variables as an integer"),
    "switching_batch: none": (lambda: switching.switching_batch(RNG, 0), "size as an integer"),
    "init_grn_params": (lambda: switching.init_grn_params(RNG, 2, 0, 2), "inner as an integer"),
    "init_selector_params": (lambda: switching.init_selector_params(RNG, 0), "variables as an"),
    "open_gates": (lambda: switching.open_gates(STORE), "SelectorParams, "),
    "selector_loss": (
        lambda: switching.selector_loss(None, None, None, "first"),
        "out of selected, equal",
    ),
    "train_selector": (lambda: switching.train_selector("first", 0), "out of selected, equal"),
    "train_parity": (
        lambda: train_parity(lstm_ref.lstm_layer(), 0, steps=0),
        "T as an integer of at least 1",
    ),
    "zero_order_hold": (lambda: lstm_ref.zero_order_hold(-1.0, 1.0, -1.0), "steps of at least 0"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_refused(case):
    call, message = BAD[case]
    with pytest.raises(ValueError, match=f"expected .*{message}.*got"):
        call()


def test_trials_are_reproducible():
    for _ in range(2):
        first, again = (reading.train_reader("gated", 1, updates=3).errors for _ in range(2))
        np.testing.assert_array_equal(first, again)
        first, again = (overwriting.train_stores("erase", (1,), updates=2) for _ in range(2))
        np.testing.assert_array_equal(first.accuracy, again.accuracy)


# ----------------------------------------------------------------------------------- the figures


def test_the_figure_addresses_reads_and_writes_as_lstm_ref_does(rng):
    memory = np.array(addressing_figure().source["memory"])
    key, erase, add = rng.standard_normal((3, 2))
    said = run_js("addressing.js", f"address({memory.tolist()}, {key.tolist()}, 7.5)")
    weights = lstm_ref.content_addressing(memory, key, 7.5)
    np.testing.assert_allclose(said["weights"], weights, rtol=1e-12)
    read = run_js("addressing.js", f"read({memory.tolist()}, {weights.tolist()})")
    np.testing.assert_allclose(read, lstm_ref.memory_read(memory, weights), rtol=1e-12)
    arguments = ", ".join(str(a.tolist()) for a in (memory, weights, erase, add))
    written = run_js("addressing.js", f"write({arguments})")
    expected = lstm_ref.memory_write(memory, weights, erase, add)
    np.testing.assert_allclose(written, expected, rtol=1e-12, atol=1e-15)


def test_the_addressing_figure_refuses_what_it_cannot_draw():
    for memory in (np.ones((6, 2)), np.ones((2, 3)), np.ones(2)):
        with pytest.raises(ValueError, match=r"shape \(N, 2\) with N from 1 to 5"):
            addressing_figure(memory)


def test_figures_of_chapter_8_are_drawn_and_labelled(rng):
    fig, axes = plt.subplots(1, 5)
    plots_legacy.plot_runs(axes[0], ["a", "b"], {"one": np.ones((3, 2)), "two": np.zeros((3, 2))})
    plots_legacy.plot_addresses(axes[1:3], rng.random((4, 3)), rng.random((4, 3)), "ABCD")
    plots_legacy.plot_selection(axes[3], rng.random((3, 2, 2)), ["x", "y"])
    plots_legacy.plot_lines(axes[4], [1, 10], {"level": [1, 1], "rising": [1, 10]})
    assert [label.get_text() for label in axes[0].get_xticklabels()] == ["a", "b"]
    assert axes[0].get_legend() and axes[3].get_legend() and axes[4].get_legend()
    assert axes[1].get_ylabel() == "row" and axes[1].get_title() == "write weights"
    assert [label.get_text() for label in axes[1].get_yticklabels()] == ["1", "2", "3"]
    fig.canvas.draw()
    plt.close(fig)
