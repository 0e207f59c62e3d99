"""Many spoilt files through the decoder, some at once, and what became of each."""

import asyncio
import os
import resource
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import aclosing
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

import imageio_ffmpeg

from shared.audio.decode import DecodePolicy, Decoder
from shared.audio.pcm import BYTES_PER_SECOND
from shared.audio.sniff import SIGNATURE_BYTES, Container, sniff
from shared.audio.source import DecoderInput
from shared.domain.errors import BadMedia, Unavailable
from tests.hostile_media.mutation import SECONDS, CorruptFile
from tests.integration.audio_files import encoded
from tests.processes import children_of

POLICY = DecodePolicy(ffmpeg=imageio_ffmpeg.get_ffmpeg_exe(), max_audio_seconds=60, cpu_seconds=10, idle_seconds=60)
_MOST = POLICY.max_audio_seconds * BYTES_PER_SECOND


class Outcome(Enum):
    """What a decode may come to; anything else than these is a fault of ours."""

    DECODED = "decoded"
    DAMAGED = "decoded with damage passed over"
    EMPTY = "no audio in it"
    REFUSED = "refused by the decoder"
    BROKE = "crashed the decoder"
    TOO_LONG = "too long"
    TIMEOUT = "took too long"
    AWAY = "decoder killed from outside"
    FAULT = "FAULT OF OURS"


@dataclass(slots=True)
class Summary:
    """What a run came to; `left` are processes and files that outlived it, `grown` our own memory in KiB."""

    outcomes: Counter[Outcome] = field(default_factory=Counter)
    by_form: dict[str, Counter[Outcome]] = field(default_factory=dict)
    strange: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    grown: int = 0
    seconds: float = 0.0

    def note(self, spoilt: CorruptFile, outcome: Outcome, why: str = "") -> None:
        self.outcomes[outcome] += 1
        self.by_form.setdefault(spoilt.form, Counter())[outcome] += 1
        if outcome in {Outcome.BROKE, Outcome.TIMEOUT, Outcome.AWAY, Outcome.FAULT}:
            self.strange.append(f"{spoilt.number} ({spoilt.form}, {spoilt.how}): {outcome.value} {why}".rstrip())

    @property
    def sound(self) -> bool:
        """Whether nothing of ours broke, hung or stayed behind; what crashed the decoder alone is no fault."""
        faults = {Outcome.FAULT, Outcome.TIMEOUT, Outcome.AWAY}
        return not self.left and not faults & self.outcomes.keys()

    def lines(self) -> Iterator[str]:
        """Say it to a person."""
        files = self.outcomes.total()
        yield f"{files} files of {len(self.by_form)} forms in {self.seconds:.0f} s"
        for outcome, number in self.outcomes.most_common():
            yield f"  {number:6} {outcome.value}"
        for form, outcomes in sorted(self.by_form.items()):
            told = ", ".join(f"{number} {outcome.value}" for outcome, number in outcomes.most_common())
            yield f"  {form}: {told}"
        yield from (f"  look at {what}" for what in self.strange)
        yield f"our memory grew by {self.grown / 1024:.1f} MiB; left behind: {', '.join(self.left) or 'nothing'}"


async def decoded(spoilt: CorruptFile, folder: Path) -> tuple[Outcome, str]:
    """Decode one file as the assembler would, or as its form's container where its beginning tells nothing now."""
    places = [folder / f"{spoilt.number}-{piece}" for piece in range(spoilt.pieces)]
    size = -(-len(spoilt.content) // spoilt.pieces)
    for piece, place in enumerate(places):
        place.write_bytes(spoilt.content[piece * size : (piece + 1) * size])
    decoder, heard = Decoder(POLICY, folder), 0
    try:
        async with aclosing(decoder.decode(DecoderInput(_container(spoilt), places))) as pieces:
            async for piece_of_sound in pieces:
                heard += len(piece_of_sound)
    except BadMedia as exc:
        return _judged(exc), exc.message
    except Unavailable as exc:
        return Outcome.AWAY, exc.message
    except Exception as exc:  # noqa: BLE001  # told in the summary, which a test looks at
        return Outcome.FAULT, repr(exc)
    finally:
        for place in places:
            place.unlink()
    if heard > _MOST:
        return Outcome.FAULT, f"{heard} bytes came out"
    return (Outcome.EMPTY if not heard else Outcome.DAMAGED if decoder.damaged else Outcome.DECODED), ""


def _container(spoilt: CorruptFile) -> Container:
    seen = sniff(spoilt.content[:SIGNATURE_BYTES])
    if not isinstance(seen, Container):
        seen = sniff(encoded(spoilt.form, SECONDS)[:SIGNATURE_BYTES])
    assert isinstance(seen, Container)
    return seen


def _judged(error: BadMedia) -> Outcome:
    match error.code:
        case "too_long":
            return Outcome.TOO_LONG
        case "decode_timeout":
            return Outcome.TIMEOUT
        case _:
            return Outcome.BROKE if "broke" in error.message else Outcome.REFUSED


async def run(files: Iterable[CorruptFile], folder: Path, *, at_once: int = 4) -> Summary:
    """Decode `files`, `at_once` of them beside each other, and look for what they left."""
    summary, waiting = Summary(), iter(files)
    children, memory, began = children_of(os.getpid()), _memory(), time.monotonic()

    async def hand() -> None:
        for spoilt in waiting:
            summary.note(spoilt, *await decoded(spoilt, folder))

    async with asyncio.TaskGroup() as hands:
        for _ in range(at_once):
            hands.create_task(hand())
    summary.seconds, summary.grown = time.monotonic() - began, _memory() - memory
    summary.left = [f"process {child}" for child in children_of(os.getpid()) - children]
    summary.left += [path.name for path in folder.iterdir()]
    return summary


def _memory() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
