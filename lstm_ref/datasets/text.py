"""A text that every Python carries: its own language reference."""

import hashlib
import platform
import re
import zlib
from typing import NamedTuple

__all__ = ["ReferenceText", "python_reference"]

#: What other signs are written as; the reference is set in ASCII but for these few.
SIGNS = str.maketrans({"“": '"', "”": '"', "‘": "'", "’": "'", "–": "-", "—": "-", "\xa0": " "})


class ReferenceText(NamedTuple):
    """The language reference, cut into parts that share no paragraph.

    ``train``, ``validation`` and ``test`` are strings; ``version`` is that of the Python they come
    from, ``sha256`` the digest of all three. ``repeated`` are the characters of paragraphs that
    stood in the reference a second time and were left out.
    """

    train: str
    validation: str
    test: str
    version: str
    sha256: str
    repeated: int


def python_reference(keep_repeated: bool = False) -> ReferenceText:
    """Load the language reference of the running Python, normalised and split by topic.

    Parameters
    ----------
    keep_repeated : bool, optional
        Whether to keep paragraphs that the reference has more than once. They then stand in
        several parts at a time, and the test is no test any more.

    Returns
    -------
    ReferenceText
        About 80 % to train on and 10 % each for validation and test, in characters of printable
        ASCII and line ends.

    Raises
    ------
    ValueError
        If this Python carries no reference, or an unusually short one.

    Notes
    -----
    The text is ``pydoc_data.topics``, which Python's ``help()`` shows (Python Software Foundation
    License). It differs from one version of Python to the next, so numbers measured on it do, too:
    `ReferenceText.version` and `ReferenceText.sha256` say which one they are of.

    Topics go to a part by a checksum of their name, so a topic stays in its part from version to
    version. Spaces at line ends go, several empty lines become one, and typographic quotes and
    dashes become ASCII. Some topics contain others word for word; of a paragraph that comes again
    only one is kept, in the test part if it is there at all, then in the validation part.

    Examples
    --------
    >>> from lstm_ref.datasets import python_reference
    >>> text = python_reference()
    >>> len(text.train) > 5 * len(text.test) > 0, text.repeated > 0
    (True, True)
    """
    parts: dict[str, list[str]] = {"test": [], "validation": [], "train": []}
    topics = _topics()
    for name in sorted(topics):
        fate = zlib.crc32(name.encode()) % 10
        part = {0: "validation", 1: "test"}.get(fate, "train")
        parts[part] += _paragraphs(topics[name])
    seen: set[str] = set()
    texts, repeated = {}, 0
    for part, paragraphs in parts.items():
        kept = []
        for paragraph in paragraphs:
            if paragraph in seen and not keep_repeated:
                repeated += len(paragraph)
                continue
            seen.add(paragraph)
            kept.append(paragraph)
        texts[part] = "\n\n".join(kept) + "\n"
    whole = "\0".join(texts[part] for part in ("train", "validation", "test"))
    digest = hashlib.sha256(whole.encode()).hexdigest()
    return ReferenceText(
        texts["train"],
        texts["validation"],
        texts["test"],
        platform.python_version(),
        digest,
        repeated,
    )


def _topics() -> dict[str, str]:
    try:
        from pydoc_data.topics import topics
    except ImportError as error:
        raise ValueError(
            "expected a Python with its reference (the module pydoc_data.topics), got one without: "
            "some distributions pack it apart"
        ) from error
    size = sum(map(len, topics.values()))
    if size < 300_000:
        raise ValueError(
            f"expected a reference of at least 300,000 characters in pydoc_data.topics, got {size}"
        )
    return dict(topics)


def _paragraphs(topic: str) -> list[str]:
    """Normalise a topic and cut it at its empty lines."""
    text = topic.translate(SIGNS).replace("…", "...")
    text = re.sub(r"[^\n -~]", "?", text.expandtabs())
    text = re.sub(r"[ ]+$", "", text, flags=re.MULTILINE)
    return [part for part in re.split(r"\n{2,}", text.strip("\n")) if part]
