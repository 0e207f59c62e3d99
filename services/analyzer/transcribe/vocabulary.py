"""Reads the speech model's vocabulary, and joins its tokens to words."""

from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

BEGIN, END = 1, 2
"""The tokens that a transcript begins and ends with."""

_SPACE = "▁".encode()
_LONG = 0x80  # set in the first byte of a length of two bytes


class Vocabulary:
    """The tokens of the model, by their ids.

    The file holds one token after the other, each behind its length of one or two bytes. A token is UTF-8 with "▁"
    for a space, or one byte of a character that has no token, or `<name>` for what is no text.
    """

    def __init__(self, file: Path) -> None:
        self.tokens = tuple(_tokens(file.read_bytes()))

    def words(self, ids: Iterable[int]) -> list[tuple[str, range]]:
        """Return the words, each with the positions of its tokens in `ids`; a word that is no text is left out."""
        tokens = [self.tokens[number] for number in ids]
        starts = [at for at, token in enumerate(tokens) if not at or token.startswith(_SPACE)]
        found = []
        for start, end in pairwise([*starts, len(tokens)]):
            text = b"".join(token for token in tokens[start:end] if not _is_name(token))
            word = text.removeprefix(_SPACE).decode(errors="ignore").replace("▁", " ").strip()
            if word:
                found.append((word, range(start, end)))
        return found


def _tokens(content: bytes) -> Iterable[bytes]:
    at = 0
    while at < len(content):
        size = content[at]
        at += 1
        if size >= _LONG:
            size += content[at] * _LONG - _LONG
            at += 1
        yield content[at : at + size]
        at += size


def _is_name(token: bytes) -> bool:
    return len(token) > 2 and token.startswith(b"<") and token.endswith(b">")  # noqa: PLR2004  # "<" and ">" themselves are text
