"""The electrocardiogram holds what is said of it, and a damaged file is refused."""

import numpy as np
import pytest

from lstm_ref.datasets import heart, heartbeat, store


def beats(signal):
    """Find the sharp peaks, one a beat."""
    high = np.flatnonzero(signal > 0.4)
    groups = np.split(high, np.flatnonzero(np.diff(high) > 50) + 1)
    return np.array([group[signal[group].argmax()] for group in groups])


def test_one_beat_comes_early_and_it_is_the_marked_one():
    signal, odd, rate = heartbeat()
    peaks = beats(signal)
    seconds = np.diff(peaks) / rate
    early = int(seconds.argmin())
    assert seconds[early] < 0.6 < 0.75 < np.delete(seconds, early).min()
    assert odd[peaks].tolist() == [k == early + 1 for k in range(len(peaks))]
    assert (np.diff(odd.astype(int)) != 0).sum() == 2  # a single stretch


def test_no_limit_on_the_values_would_find_it():
    signal, odd, _ = heartbeat()
    assert signal[odd].max() < signal[~odd].max()
    assert signal[odd].min() > signal[~odd].min()


def test_a_caller_cannot_spoil_the_signal_for_the_next():
    heartbeat().signal[:] = 0
    assert heartbeat().signal.any()


def test_a_wrong_byte_is_refused(tmp_path, monkeypatch):
    content = bytearray(store.data_path("heartbeat").read_bytes())
    content[1000] ^= 1
    (tmp_path / "heartbeat.npz").write_bytes(content)
    monkeypatch.setattr(store, "FOLDER", tmp_path)
    with pytest.raises(ValueError, match=rf"with SHA-256 {heart.SHA256[:12]}…, got "):
        heartbeat()


def another_digest():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(heart, "SHA256", "0" * 64)
        heartbeat()


BAD = {"heartbeat": (another_digest,)}


def test_another_digest_is_refused():
    with pytest.raises(ValueError, match=r"^expected .+, got .+"):
        BAD["heartbeat"][0]()
