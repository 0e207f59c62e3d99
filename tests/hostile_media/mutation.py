"""Recordings spoilt in every way that a seed can think of, and in the same way again from the same seed."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.hostile_media.ogg import signed_again
from tests.integration.audio_files import CODECS, encoded

SECONDS = 0.5
_SIGNED = 0.75  # of the Ogg files: FFmpeg passes a page over whose checksum does not hold
_HEADER = 4096  # bytes at the beginning, where what is said of the rest stands


@dataclass(frozen=True, slots=True)
class CorruptFile:
    """A file made of a good one of `form`; `how` names what was done to it, `pieces` is in how many it is sent."""

    number: int
    form: str
    how: str
    content: bytes
    pieces: int = 1


def mutated(seed: int, count: int) -> Iterator[CorruptFile]:
    """Yield `count` files, every form and every way in turn; file `number` depends on the seed and itself alone."""
    forms, ways = list(CODECS), list(_WAYS)
    for number in range(count):
        chance = random.Random(f"{seed}/{number}")  # noqa: S311  # to be repeated, not to be secret
        form, how = forms[number % len(forms)], ways[number // len(forms) % len(ways)]
        content = _WAYS[how](chance, bytearray(encoded(form, SECONDS)))
        if chance.random() < _SIGNED:
            content = signed_again(content)
        yield CorruptFile(number, form, how, content, chance.choice((1, 1, 3)))


def truncated(form: str, lengths: range) -> Iterator[CorruptFile]:
    """Yield a good file of `form` cut off after each of `lengths` bytes, as far as it has so many."""
    whole = encoded(form, SECONDS)
    for length in lengths:
        if length > len(whole):
            return
        yield CorruptFile(length, form, f"cut after {length}", whole[:length])


def _flip_bits(chance: random.Random, content: bytearray) -> bytes:
    for _ in range(chance.randint(1, max(2, len(content) // 200))):
        content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    return bytes(content)


def _flip_bits_of_the_header(chance: random.Random, content: bytearray) -> bytes:
    for _ in range(chance.randint(1, 12)):
        content[chance.randrange(8, min(200, len(content)))] ^= 1 << chance.randrange(8)
    return bytes(content)


def _lie_about_a_size(chance: random.Random, content: bytearray) -> bytes:
    at = chance.randrange(4, min(_HEADER, len(content)) - 8)
    lie = chance.choice((0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0xFFFFFFFE, 0x40000000))
    content[at : at + 4] = lie.to_bytes(4, chance.choice(("big", "little")))
    return bytes(content)


def _cut_off(chance: random.Random, content: bytearray) -> bytes:
    return bytes(content[: chance.randrange(1, len(content))])


def _leave_out(chance: random.Random, content: bytearray) -> bytes:
    start = chance.randrange(16, len(content) - 1)
    del content[start : start + chance.randrange(1, 2000)]
    return bytes(content)


def _repeat(chance: random.Random, content: bytearray) -> bytes:
    start = chance.randrange(len(content))
    piece = content[start : start + chance.randrange(1, 3000)]
    return bytes(content[:start] + piece * chance.randint(2, 40) + content[start:])


def _noise_inside(chance: random.Random, content: bytearray) -> bytes:
    start = chance.randrange(16, len(content))
    return bytes(content[:start]) + chance.randbytes(chance.randrange(1, 5000)) + bytes(content[start:])


def _end_of_another(chance: random.Random, content: bytearray) -> bytes:
    other = encoded(chance.choice(list(CODECS)), SECONDS)
    return bytes(content[: chance.randrange(8, len(content))]) + other[chance.randrange(len(other)) :]


_WAYS: dict[str, Callable[[random.Random, bytearray], bytes]] = {
    "bits flipped": _flip_bits,
    "bits of the header flipped": _flip_bits_of_the_header,
    "a size that lies": _lie_about_a_size,
    "cut off": _cut_off,
    "a part left out": _leave_out,
    "a part repeated": _repeat,
    "noise inside": _noise_inside,
    "the end of another": _end_of_another,
}
