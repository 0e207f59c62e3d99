"""Makes corrupt recordings from a seed; the same seed gives the same files."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.hostile_media.ogg import signed_again
from tests.integration.audio_files import CODECS, encoded

SECONDS = 0.5
_SIGNED = 0.75  # of the Ogg files get valid checksums: FFmpeg skips a page with an invalid one
_HEADER = 4096  # bytes at the start that may hold sizes and other header fields


@dataclass(frozen=True, slots=True)
class CorruptFile:
    """A file made of a valid one in the format `form`; `how` names its mutation, `pieces` is in how many it is sent."""

    number: int
    form: str
    how: str
    content: bytes
    pieces: int = 1


def mutated(seed: int, count: int) -> Iterator[CorruptFile]:
    """Yield `count` files, formats and mutations in turn; each file depends only on the seed and its number."""
    forms, mutations = list(CODECS), list(_MUTATIONS)
    for number in range(count):
        rng = random.Random(f"{seed}/{number}")  # noqa: S311  # to be repeated, not to be secret
        form, how = forms[number % len(forms)], mutations[number // len(forms) % len(mutations)]
        content = _MUTATIONS[how](rng, bytearray(encoded(form, SECONDS)))
        if rng.random() < _SIGNED:
            content = signed_again(content)
        yield CorruptFile(number, form, how, content, rng.choice((1, 1, 3)))


def truncated(form: str, lengths: range) -> Iterator[CorruptFile]:
    """Yield a valid file of `form` truncated to each of `lengths` bytes, as far as it has so many."""
    content = encoded(form, SECONDS)
    for length in lengths:
        if length > len(content):
            return
        yield CorruptFile(length, form, f"cut after {length}", content[:length])


def _flip_bits(rng: random.Random, content: bytearray) -> bytes:
    for _ in range(rng.randint(1, max(2, len(content) // 200))):
        content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    return bytes(content)


def _flip_bits_of_the_header(rng: random.Random, content: bytearray) -> bytes:
    for _ in range(rng.randint(1, 12)):
        content[rng.randrange(8, min(200, len(content)))] ^= 1 << rng.randrange(8)
    return bytes(content)


def _false_size(rng: random.Random, content: bytearray) -> bytes:
    at = rng.randrange(4, min(_HEADER, len(content)) - 8)
    size = rng.choice((0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0xFFFFFFFE, 0x40000000))
    content[at : at + 4] = size.to_bytes(4, rng.choice(("big", "little")))
    return bytes(content)


def _cut_off(rng: random.Random, content: bytearray) -> bytes:
    return bytes(content[: rng.randrange(1, len(content))])


def _leave_out(rng: random.Random, content: bytearray) -> bytes:
    start = rng.randrange(16, len(content) - 1)
    del content[start : start + rng.randrange(1, 2000)]
    return bytes(content)


def _repeat(rng: random.Random, content: bytearray) -> bytes:
    start = rng.randrange(len(content))
    piece = content[start : start + rng.randrange(1, 3000)]
    return bytes(content[:start] + piece * rng.randint(2, 40) + content[start:])


def _noise_inside(rng: random.Random, content: bytearray) -> bytes:
    start = rng.randrange(16, len(content))
    return bytes(content[:start]) + rng.randbytes(rng.randrange(1, 5000)) + bytes(content[start:])


def _end_of_another(rng: random.Random, content: bytearray) -> bytes:
    other = encoded(rng.choice(list(CODECS)), SECONDS)
    return bytes(content[: rng.randrange(8, len(content))]) + other[rng.randrange(len(other)) :]


_MUTATIONS: dict[str, Callable[[random.Random, bytearray], bytes]] = {
    "bits flipped": _flip_bits,
    "bits of the header flipped": _flip_bits_of_the_header,
    "a false size": _false_size,
    "cut off": _cut_off,
    "a part left out": _leave_out,
    "a part repeated": _repeat,
    "noise inside": _noise_inside,
    "the end of another": _end_of_another,
}
