"""Data sets: what they hold, and that a missing or damaged file is refused."""

import builtins
import hashlib
import sys
import types

import numpy as np
import pytest

from lstm_ref.datasets import japanese_vowels, python_reference, speech, store, text


def test_the_vowels_are_as_published():
    train, test = japanese_vowels()
    assert np.bincount(train.speakers).tolist() == [30] * 9
    assert np.bincount(test.speakers).tolist() == [31, 35, 88, 44, 29, 24, 40, 50, 29]
    assert (train.lengths.min(), test.lengths.max()) == (7, 29)
    assert train.xs[0, 0, 0] == 1.860936 and train.xs[0, 0, 1] == -0.207383


@pytest.mark.parametrize("part", [0, 1])
def test_nothing_stands_after_an_utterance_and_no_frame_is_lost(part):
    xs, lengths, _ = japanese_vowels()[part]
    running = np.arange(len(xs))[:, None] < lengths
    assert not xs[~running].any()
    assert (np.abs(xs[running]).sum(axis=1) > 0).all()
    assert running.sum() == (4274, 5687)[part]


def test_no_utterance_is_in_both_parts():
    seen = {xs[:, n].tobytes() for xs, *_ in japanese_vowels()[:1] for n in range(xs.shape[1])}
    assert len(seen) == 270
    train, test = japanese_vowels()
    assert not seen & {test.xs[: len(train.xs), n].tobytes() for n in range(370)}


def test_a_caller_cannot_spoil_the_data_for_the_next():
    japanese_vowels().train.xs[:] = 0
    assert japanese_vowels().train.xs.any()


@pytest.fixture
def whole():
    return store.data_path("japanese_vowels").read_bytes()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(store, "FOLDER", tmp_path)
    return tmp_path


@pytest.mark.parametrize("at", [0, 1000, -1])
def test_a_single_wrong_byte_is_refused(at, whole, folder):
    content = bytearray(whole)
    (folder / "japanese_vowels.npz").write_bytes(content)
    assert japanese_vowels().train.xs.any()
    content[at] ^= 1
    (folder / "japanese_vowels.npz").write_bytes(content)
    got = hashlib.sha256(content).hexdigest()[:12]
    with pytest.raises(ValueError, match=f"expected .* {speech.SHA256[:12]}….* got {got}"):
        japanese_vowels()


def test_a_file_cut_off_is_refused(folder):
    (folder / "japanese_vowels.npz").write_bytes(b"PK")
    with pytest.raises(ValueError, match="2 bytes"):
        japanese_vowels()


def test_a_missing_file_is_named_with_those_there_are(folder):
    np.savez(folder / "other.npz", x=np.zeros(1))
    with pytest.raises(FileNotFoundError, match=r"japanese_vowels.*\(there: other\)"):
        japanese_vowels()


@pytest.mark.parametrize("name", ["", "../setup", "a/b", ".."])
def test_only_names_are_looked_up(name):
    with pytest.raises(ValueError, match="expected the name of a data set"):
        store.data_path(name)


def paragraphs(part):
    return {paragraph for paragraph in part.split("\n\n") if paragraph.strip()}


def test_parts_of_the_reference_share_no_paragraph():
    parts = python_reference()
    sets = [paragraphs(part) for part in parts[:3]]
    assert not (sets[0] & sets[1] or sets[0] & sets[2] or sets[1] & sets[2])
    assert [len(own) for own in sets] == [part.count("\n\n") + 1 for part in parts[:3]]
    assert parts.repeated > 0


def test_with_repeated_paragraphs_the_test_has_been_read_in_training():
    leaky = python_reference(keep_repeated=True)
    assert len(paragraphs(leaky.train) & paragraphs(leaky.test)) > 10
    assert leaky.repeated == 0 and leaky.sha256 != python_reference().sha256


def test_the_reference_is_printable_ascii_and_the_same_at_every_call():
    whole = "".join(python_reference()[:3])
    assert set(whole) <= {"\n", *map(chr, range(32, 127))}
    assert " \n" not in whole and "\n\n\n" not in whole
    assert python_reference() == python_reference()


@pytest.fixture
def other_topics(monkeypatch):
    def put(topics):
        module = types.ModuleType("pydoc_data.topics")
        module.topics = topics
        monkeypatch.setitem(sys.modules, "pydoc_data.topics", module)

    return put


def test_another_python_gives_another_digest_and_keeps_topics_where_they_are(other_topics):
    from pydoc_data.topics import topics

    before = python_reference()
    other_topics({**topics, "pass": "Passing\n\nhas “changed”…  \n\n\n\n"})
    after = python_reference()
    assert after.sha256 != before.sha256
    changed = [k for k in range(3) if before[k] != after[k]]
    assert len(changed) == 1
    assert 'Passing\n\nhas "changed"...\n' in after[changed[0]]


def test_a_python_without_its_reference_is_named(other_topics, monkeypatch):
    other_topics({"pass": "short"})
    with pytest.raises(ValueError, match=r"at least 300,000 characters .* got 5"):
        python_reference()
    monkeypatch.delitem(sys.modules, "pydoc_data.topics")
    real = builtins.__import__

    def refuse(name, *rest, **more):
        if name.startswith("pydoc_data"):
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(ValueError, match="expected a Python with its reference"):
        text._topics()


def another_digest():
    """Look for vowels that have another digest than the file."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(speech, "SHA256", "0" * 64)
        japanese_vowels()


def short_reference():
    """Read a Python whose reference is five characters long."""
    with pytest.MonkeyPatch.context() as patch:
        module = types.ModuleType("pydoc_data.topics")
        module.topics = {"pass": "short"}
        patch.setitem(sys.modules, "pydoc_data.topics", module)
        python_reference()


BAD = {
    "vowels": (another_digest,),
    "reference": (short_reference,),
    "name": (lambda: store.data_path("../x"),),
}


@pytest.mark.parametrize("case", BAD)
def test_every_loader_refuses_what_is_not_its_data(case):
    with pytest.raises(ValueError, match=r"expected .*got"):
        BAD[case][0]()
