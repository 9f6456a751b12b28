"""What the page on language shows must be what its functions compute, and its claims must hold."""

import bz2
import re

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import pytest

import lstm_ref
from lstm_ref import plots_language
from lstm_ref.datasets import python_reference
from lstm_ref.trials import ngram, spelling
from tests.test_chapter_08 import assert_gradients


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def small():
    return spelling.init_text_params(np.random.default_rng(0), 4, 3)


BAD = {
    "short text": (lambda: spelling.bits_after_reset(small(), "abc", 50), "more than 50"),
    "early place": (
        lambda: spelling.chance_when_forced(small(), "a" * 400, [3], [0], [1.0]),
        "from 150 to 399",
    ),
    "nothing to compress": (lambda: ngram.compressed_bits(""), "at least one character"),
    "token": (lambda: ngram.decode([96]), "from 0 to 95, got 96"),
    "character": (lambda: ngram.encode("é"), "got 'é'"),
    "longest": (lambda: ngram.fit_ngrams(np.arange(20), 8), "from 0 to 7, got 8"),
    "hidden size": (
        lambda: spelling.init_text_params(np.random.default_rng(0), 0, 3),
        "at least 1, got 0",
    ),
    "file": (lambda: spelling.load_text_model("../x"), "the name of a data set"),
    "one kind": (
        lambda: spelling.match_units(np.ones((4, 2)), {"a": np.ones(9)}, np.random.default_rng(0)),
        "differ from each other",
    ),
    "no tokens": (
        lambda: ngram.ngram_bits(ngram.fit_ngrams([1, 2], 0), []),
        "at least one token",
    ),
    "token read": (
        lambda: ngram.ngram_probabilities(ngram.fit_ngrams([1, 2], 0), [99]),
        "from 0 to 95, got 99",
    ),
    "one character": (lambda: spelling.text_bits(small(), "a"), "at least two characters"),
    "dropout": (lambda: spelling.text_model(2.0, 0.0), "below 1, got 2.0"),
    "no places": (lambda: spelling.text_places(""), "at least one character"),
    "no properties": (lambda: spelling.text_properties(""), "at least one character"),
    "steps": (lambda: spelling.train_text_model("abc", 0, 0), "at least 1, got 0"),
    "temperature": (
        lambda: spelling.write_text(small(), np.random.default_rng(0), 1, -1),
        "at least 0, got -1",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_every_function_refuses_bad_input(case):
    call, message = BAD[case]
    with pytest.raises(ValueError, match="expected .*" + re.escape(message)):
        call()


# ------------------------------------------------------------------------- counting and compressors


def test_characters_survive_being_numbered():
    assert ngram.decode(ngram.encode(ngram.ALPHABET)) == ngram.ALPHABET
    assert len(set(ngram.ALPHABET)) == len(ngram.ALPHABET) == 96
    with pytest.raises(ValueError, match="got 'é'"):
        ngram.encode("café")
    with pytest.raises(ValueError, match="tokens from 0 to 95, got 96"):
        ngram.decode([96])


@pytest.mark.parametrize("longest", [0, 1, 2, 5])
def test_probabilities_of_all_characters_sum_to_one(longest, rng):
    table = ngram.fit_ngrams(ngram.encode("the cat sat on the mat; the end\n" * 3), longest)
    for before in ("the c", "at on", "zzzzz", ""):
        options = [ngram.encode(before + sign) for sign in ngram.ALPHABET]
        p = np.stack([ngram.ngram_probabilities(table, option)[:, -1] for option in options])
        assert (p > 0).all()
        np.testing.assert_allclose(p.sum(axis=0), 1, rtol=1e-12)


def test_counting_follows_the_formula_written_out():
    text, read = "abracadabra", "abrac"
    table = ngram.fit_ngrams(ngram.encode(text), 2)
    got = ngram.ngram_probabilities(table, ngram.encode(read))

    def p(context, sign):
        shorter = 1 / 96 if not context else p(context[1:], sign)
        followed = [
            text[k + len(context)]
            for k in range(len(text) - len(context))
            if text[k:].startswith(context)
        ]
        kinds = len(set(followed))
        if not followed:
            return shorter
        return (followed.count(sign) + kinds * shorter) / (len(followed) + kinds)

    for k in range(3):
        for t, sign in enumerate(read):
            context = read[max(0, t - k) : t]
            assert got[k, t] == pytest.approx(p(context, sign)), (k, t)


def test_counting_learns_what_it_has_read_and_bits_are_the_mean_surprise(rng):
    text = ngram.encode("one two three four five six seven\n" * 20)
    table = ngram.fit_ngrams(text, 4)
    p = ngram.ngram_probabilities(table, text)
    np.testing.assert_allclose(ngram.ngram_bits(table, text), -np.log2(p).mean(axis=1))
    noise = rng.integers(0, 96, 500)
    assert ngram.ngram_bits(table, text)[4] < 0.2 < np.log2(96) < ngram.ngram_bits(table, noise)[4]


def test_what_counting_refuses():
    with pytest.raises(ValueError, match="longest from 0 to 7, got 8"):
        ngram.fit_ngrams(np.arange(20), 8)
    with pytest.raises(ValueError, match="more than 3 tokens"):
        ngram.fit_ngrams([1, 2, 3], 3)
    with pytest.raises(ValueError, match="at least one token"):
        ngram.ngram_bits(ngram.fit_ngrams([1, 2], 0), [])


def test_contexts_of_the_longest_kind_do_not_overflow(rng):
    tokens = np.full(30, 95)
    table = ngram.fit_ngrams(tokens, 7)
    assert len(table.pairs[7]) == 1 and table.pairs[7][0] == 96**8 - 1
    other = ngram.fit_ngrams(rng.integers(0, 96, 3000), 7)
    assert all((np.diff(pairs) > 0).all() and pairs[0] >= 0 for pairs in other.pairs)


def test_bits_of_compressors_are_those_of_the_files_they_make():
    text, before = "To be, or not to be.\n" * 30, "that is the question: " * 50
    bits = ngram.compressed_bits(text)
    assert bits["bzip2"] == 8 * len(bz2.compress(text.encode(), 9)) / len(text)
    after = ngram.compressed_bits(text, after=before + text)
    assert all(after[name] < bits[name] for name in bits)
    noise = "".join(np.random.default_rng(0).choice(list(ngram.ALPHABET), 20_000))
    assert all(np.log2(96) < b < 8 for b in ngram.compressed_bits(noise).values())
    with pytest.raises(ValueError, match="at least one character"):
        ngram.compressed_bits("")


# --------------------------------------------------------------------------------------- the model


def test_gradients_with_dropout_are_those_of_the_same_draw(rng):
    model = spelling.text_model(0.3, 0.5)
    params = spelling.init_text_params(rng, 5, 3, np.float64)
    xs = rng.integers(0, 96, (6, 2))
    batch = lstm_ref.SequenceBatch(xs, np.roll(xs, -1, axis=0))

    def loss(p):
        return model.loss_and_grad(p, batch, np.random.default_rng(7))[0]

    _, grads = model.loss_and_grad(params, batch, np.random.default_rng(7))
    assert loss(params) != model.loss_and_grad(params, batch)[0]
    assert_gradients(loss, params, grads, rng)


def test_dropout_keeps_the_mean_and_is_off_outside_training(rng):
    layer = spelling.dropout_layer(lstm_ref.lstm_layer(), 0.0, 0.4)
    params = layer.init(rng, 3, 200)
    xs = rng.standard_normal((20, 10, 3))
    plain, dropped = layer.forward(xs, params).hs, layer.forward(xs, params, rng=rng).hs
    assert (dropped == 0).mean() == pytest.approx(0.4, abs=0.01)
    at = dropped != 0
    np.testing.assert_allclose(dropped[at], plain[at] / 0.6)
    with pytest.raises(ValueError, match="after of at least 0 and below 1, got 1"):
        spelling.dropout_layer(layer, 0, 1)


@pytest.fixture(scope="module")
def tiny():
    params = spelling.init_text_params(np.random.default_rng(0), 16, 8)
    return params, "The quick brown fox jumps over the lazy dog.\n" * 20


def test_bits_are_those_of_reading_from_start_to_end(tiny):
    params, text = tiny
    tokens = ngram.encode(text)
    logits, _ = spelling.text_model().predict(params, tokens[:-1, None])
    one_by_one = lstm_ref.softmax_cross_entropy(logits[:, 0], tokens[1:])[0] / np.log(2)
    exact = spelling.text_bits(params, text, parts=1)
    assert exact.mean() == pytest.approx(one_by_one, rel=1e-5) and len(exact) == len(text) - 1
    for parts in (2, 7, 16):
        np.testing.assert_allclose(spelling.text_bits(params, text, parts), exact, atol=1e-3)
    short = spelling.text_bits(params, "ab", parts=5)
    assert short.shape == (1,)
    with pytest.raises(ValueError, match="at least two characters, got 1"):
        spelling.text_bits(params, "a")


def test_after_a_reset_the_first_character_knows_one_before(tiny):
    params, text = tiny
    by_step = spelling.bits_after_reset(params, text, 50)
    assert by_step.shape == (50, (len(text) - 1) // 50)
    np.testing.assert_allclose(
        by_step[:, 1], spelling.text_bits(params, text[50:101], parts=1), rtol=1e-4
    )
    with pytest.raises(ValueError, match="expected more than 50 characters, got 3"):
        spelling.bits_after_reset(params, "abc", 50)


def test_writing_draws_from_the_model_at_a_temperature(tiny):
    params, _ = tiny
    logits = spelling.text_model().predict(params, ngram.encode("\n\n")[:, None])[0][-1, 0]
    drawn = spelling.write_text(params, np.random.default_rng(0), 1, 0.5, count=20_000)
    shares = np.bincount(ngram.encode("".join(drawn)), minlength=96) / 20_000
    np.testing.assert_allclose(shares, lstm_ref.softmax(logits / 0.5), atol=0.01)
    coldest = spelling.write_text(params, np.random.default_rng(0), 1, 0.0)
    assert coldest == [ngram.ALPHABET[logits.argmax()]]


def test_writing_reads_what_it_has_written(tiny):
    params, _ = tiny
    start = "ab"
    (sample,) = spelling.write_text(params, np.random.default_rng(0), 10, 0.0, start)
    logits, _ = spelling.text_model().predict(params, ngram.encode(start + sample)[:, None])
    assert ngram.decode(logits[1:-1, 0].argmax(axis=1)) == sample
    again = [spelling.write_text(params, np.random.default_rng(3), 20, count=2) for _ in range(2)]
    assert again[0] == again[1]
    with pytest.raises(ValueError, match="temperature of at least 0, got -1"):
        spelling.write_text(params, np.random.default_rng(0), 1, -1)
    with pytest.raises(ValueError, match="a start of at least one character"):
        spelling.write_text(params, np.random.default_rng(0), 1, start="")


def test_training_repeats_and_keeps_its_stages():
    text = "abcabcabd\n" * 100
    settings = {"steps": 12, "hidden_size": 8, "window": 10, "stages": (5, 12)}
    one, two = (spelling.train_text_model(text, 0, **settings) for _ in range(2))
    np.testing.assert_array_equal(one.losses, two.losses)
    assert sorted(one.stages) == [5, 12] and len(one.losses) == 12
    np.testing.assert_array_equal(one.stages[12].readout.W, one.params.readout.W)
    shorter = spelling.train_text_model(text, 0, **{**settings, "stages": ()})
    assert shorter.stages == {}
    assert (one.stages[5].readout.W != one.params.readout.W).any()


# ---------------------------------------------------------------------------------- looking inside


def test_properties_of_a_text_counted_by_hand():
    kept = spelling.text_properties('  a (b\n"c"\n\n(d')
    assert kept["column"].tolist() == [1, 2, 3, 4, 5, 6, 0, 1, 2, 3, 0, 0, 1, 2]
    assert kept["indentation"].tolist() == [1, 2, 2, 2, 2, 2, 0, 0, 0, 0, 0, 0, 0, 0]
    assert kept["word"].tolist() == [0, 0, 1, 0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 1]
    assert kept["quotes"].tolist() == [0] * 7 + [1, 1, 0, 0, 0, 0, 0]
    assert kept["parentheses"].tolist() == [0] * 4 + [1] * 7 + [0, 1, 1]
    assert spelling.text_places("To 2\n").tolist() == [
        "first letter",
        "later letter",
        "space",
        "sign",
        "line end",
    ]


def test_a_planted_unit_is_found_and_a_slow_one_is_not_mistaken(rng):
    text = "".join("x" * int(n) + "\n" for n in rng.integers(20, 70, 200))
    column = spelling.text_properties(text)["column"]
    slow = np.cumsum(rng.standard_normal((len(text), 10)), axis=0)
    states = np.column_stack([slow, -column + 5 * rng.standard_normal(len(text))])
    found = spelling.match_units(states, {"column": column}, rng)["column"]
    assert found.unit == 10 and found.correlation < -0.9 and found.chance < 0.5
    without = spelling.match_units(slow, {"column": column}, rng)["column"]
    assert abs(without.correlation) < 3 * without.chance


def test_forcing_a_cell_to_what_it_holds_changes_nothing_and_to_more_what_it_should(tiny, rng):
    params, text = tiny
    at, units = np.array([200, 333]), np.arange(3)
    tokens = ngram.encode(text)
    state = spelling.text_model().predict(params, tokens[50:200, None])[1]
    usual, same = spelling.chance_when_forced(params, text, at[:1], units, state[1][0, :3])
    np.testing.assert_allclose(same[:, 0], np.full(3, usual[0]), rtol=1e-5)
    logits = spelling.text_model().predict(params, tokens[200:201, None], state=state)[0]
    assert usual[0] == pytest.approx(lstm_ref.softmax(logits[0, 0])[0], rel=1e-5)
    # A readout that looks at unit 1 alone must see no other unit forced.
    W = np.zeros_like(params.readout.W)
    W[0, 1] = 5
    cut = params._replace(
        readout=params.readout._replace(W=W),
        layer=params.layer._replace(**{f"W_{g}": np.zeros_like(params.layer.W_f) for g in "fico"}),
    )
    usual, forced = spelling.chance_when_forced(cut, text, at, units, [9.0, 9.0, 9.0])
    np.testing.assert_allclose(forced[[0, 2]], [usual, usual], rtol=1e-5)
    assert (forced[1] > 2 * usual).all()
    with pytest.raises(ValueError, match=r"expected positions .* from 150"):
        spelling.chance_when_forced(params, text, [3], [0], [1.0])
    with pytest.raises(ValueError, match=r"expected units .* from 0 to 15"):
        spelling.chance_when_forced(params, text, at, [16], [1.0])


# ------------------------------------------------------------------------------ claims of the page


@pytest.fixture(scope="module")
def text():
    return python_reference()


@pytest.fixture(scope="module")
def table(text):
    return ngram.fit_ngrams(ngram.encode(text.train), 7)


@pytest.fixture(scope="module")
def large():
    return spelling.load_text_model()


@pytest.mark.slow
def test_the_long_trained_model_beats_counting_and_compressors(text, table, large):
    params, notes = large
    bits = spelling.text_bits(params, text.test)
    counting = ngram.ngram_bits(table, ngram.encode(text.test))
    assert bits.mean() < min(ngram.compressed_bits(text.test, after=text.train).values())
    assert bits.mean() < counting.min() - 0.1
    if notes["text_sha256"] == text.sha256:  # of another Python's text the bits are others
        kept = next(run for run in notes["runs"] if run["seed"] == notes["kept_seed"])
        assert bits.mean() == pytest.approx(kept["test"], abs=2e-3)
    at = spelling.text_places(text.test)[1:]
    counted = -np.log2(ngram.ngram_probabilities(table, ngram.encode(text.test))[4, 1:])
    mixed = -np.log2((2.0**-counted + 2.0**-bits) / 2)
    assert mixed.mean() < bits.mean()
    gains = {kind: (counted - bits)[at == kind].mean() for kind in set(at)}
    assert max(gains, key=gains.get) == "sign" and min(gains.values()) == gains["later letter"] > 0


@pytest.mark.slow
def test_a_model_trained_for_seconds_loses_to_counting(text, table):
    run = spelling.train_text_model(text.train, 0, 150, learning_rate=0.02)
    bits = spelling.text_bits(run.params, text.test).mean()
    assert ngram.ngram_bits(table, ngram.encode(text.test))[4] + 0.1 < bits < 3.3


@pytest.mark.slow
def test_what_the_large_model_knows_ends_where_its_gradients_ended(text, large):
    whole = text.validation + "\n" + text.test
    shifted = [spelling.bits_after_reset(large[0], whole[k:], 512) for k in range(0, 512, 128)]
    by_step = np.concatenate(shifted, axis=1).mean(axis=1)
    assert by_step[0] > 2 * by_step[32:64].mean()
    assert by_step[32:64].mean() == pytest.approx(by_step[256:].mean(), abs=0.04)


@pytest.mark.slow
def test_the_model_does_not_know_the_column_though_a_unit_goes_with_it(text, large):
    params, notes = large
    piece = text.test[:8000]
    xs = params.embedding[ngram.encode(piece)][:, None]
    zero = np.zeros((1, notes["hidden_size"]), np.float32)
    c = lstm_ref.gate_trace(xs, zero, zero, params.layer)["c"][:, 0].astype(float)
    column = spelling.text_properties(piece)["column"]
    found = spelling.match_units(c, {"column": column}, np.random.default_rng(0))["column"]
    assert abs(found.correlation) > 2 * found.chance
    signs = np.array(list(piece))
    after = np.roll(signs, -1)
    ends = np.char.isalpha(signs) & ((after == " ") | (after == "\n"))
    ends[:150] = ends[-1] = False
    late = np.flatnonzero(ends & (column > 60))
    early = np.flatnonzero(ends & (column > 20) & (column < 35))
    at_late, _ = spelling.chance_when_forced(params, piece, late, [], [])
    usual, forced = spelling.chance_when_forced(
        params, piece, early, [found.unit], [c[late, found.unit].mean()]
    )
    assert (after[late] == "\n").mean() > 0.4 > 0.12 > at_late.mean()
    assert forced.mean() == pytest.approx(usual.mean(), abs=0.01)


def test_repeated_paragraphs_help_who_remembers_longest(text, table):
    leaky = python_reference(keep_repeated=True)
    tokens = ngram.encode(text.test)
    once = ngram.ngram_bits(table, tokens)
    twice = ngram.ngram_bits(ngram.fit_ngrams(ngram.encode(leaky.train), 7), tokens)
    gain = once - twice
    assert gain[7] > 2 * gain[4] > 0 and once.argmin() < twice.argmin()
    honest, easy = (ngram.compressed_bits(text.test, after=t) for t in (text.train, leaky.train))
    assert honest["xz"] - easy["xz"] > 0.3


def test_figures_draw_what_they_are_given(rng):
    fig, axes = plt.subplots(1, 2)
    plots_language.plot_line_cell(axes, np.arange(7.0), "ab\ncd\ne")
    assert axes[1].lines[0].get_xdata().tolist() == [0, 1, 2, 0, 1, 2, 0]
    axes[0].clear()
    plots_language.plot_forcing(axes[0], np.array([0.1, 0.9, 0.5]), 0.2, unit=2)
    assert axes[0].lines[0].get_ydata().tolist() == [0.9, 0.5, 0.1]
    assert axes[0].lines[1].get_xdata().tolist() == [2]
    axes[0].clear()
    plots_language.plot_training_bits(axes[0], [np.arange(30.0)], {"a": 1.0}, smooth=10)
    assert axes[0].lines[0].get_data()[1][0] == pytest.approx(4.5)
    axes[0].clear()
    plots_language.plot_bits_by_context(axes[0], {"a": ([1, 2], [3, 4])}, {"b": 2.0})
    assert axes[0].get_xscale() == "log" and len(axes[0].lines) == 2
    plt.close(fig)
