"""Decodes many corrupt files, some at once, and counts the outcomes."""

import asyncio
import os
import resource
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

import imageio_ffmpeg

from services.assembler.spill_file import open_spill_file
from shared.audio.decode import Decoder
from shared.audio.ffmpeg_process import DecodePolicy
from shared.audio.pcm import SAMPLE_RATE
from shared.audio.sniff import SIGNATURE_BYTES, Container, sniff
from shared.audio.source import DecoderInput
from shared.domain.errors import BadMedia, Unavailable
from tests.hostile_media.mutation import SECONDS, CorruptFile
from tests.integration.audio_files import encoded
from tests.processes import children_of

POLICY = DecodePolicy(ffmpeg=imageio_ffmpeg.get_ffmpeg_exe(), max_audio_seconds=60, cpu_seconds=10, idle_seconds=60)
_MAX_FRAMES = POLICY.max_audio_seconds * SAMPLE_RATE


class Outcome(Enum):
    """The outcome of a decode; FAULT is any other, an error of ours."""

    DECODED = "decoded"
    DAMAGED = "decoded with damage passed over"
    EMPTY = "no audio in it"
    REJECTED = "rejected by the decoder"
    CRASHED = "crashed the decoder"
    TOO_LONG = "too long"
    TIMEOUT = "took too long"
    AWAY = "decoder killed from outside"
    FAULT = "FAULT OF OURS"


@dataclass(slots=True)
class Summary:
    """The result of a run; `left` are processes and files that outlived it, `grown` is our own memory in KiB."""

    outcomes: Counter[Outcome] = field(default_factory=Counter)
    by_format: dict[str, Counter[Outcome]] = field(default_factory=dict)
    strange: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    grown: int = 0
    seconds: float = 0.0

    def note(self, corrupt: CorruptFile, outcome: Outcome, why: str = "") -> None:
        self.outcomes[outcome] += 1
        self.by_format.setdefault(corrupt.form, Counter())[outcome] += 1
        if outcome in {Outcome.CRASHED, Outcome.TIMEOUT, Outcome.AWAY, Outcome.FAULT}:
            self.strange.append(f"{corrupt.number} ({corrupt.form}, {corrupt.how}): {outcome.value} {why}".rstrip())

    @property
    def sound(self) -> bool:
        """Whether nothing of ours failed, hung or was left behind; a crash of the decoder alone is no fault."""
        faults = {Outcome.FAULT, Outcome.TIMEOUT, Outcome.AWAY}
        return not self.left and not faults & self.outcomes.keys()

    def lines(self) -> Iterator[str]:
        """Yield the lines of the printed summary."""
        files = self.outcomes.total()
        yield f"{files} files of {len(self.by_format)} forms in {self.seconds:.0f} s"
        for outcome, number in self.outcomes.most_common():
            yield f"  {number:6} {outcome.value}"
        for form, outcomes in sorted(self.by_format.items()):
            counts = ", ".join(f"{number} {outcome.value}" for outcome, number in outcomes.most_common())
            yield f"  {form}: {counts}"
        yield from (f"  look at {what}" for what in self.strange)
        yield f"our memory grew by {self.grown / 1024:.1f} MiB; left behind: {', '.join(self.left) or 'nothing'}"


async def decoded(corrupt: CorruptFile, folder: Path) -> tuple[Outcome, str]:
    """Decode one file as the assembler would; one without a known signature as the container of its original format."""
    paths = [folder / f"{corrupt.number}-{piece}" for piece in range(corrupt.pieces)]
    size = -(-len(corrupt.content) // corrupt.pieces)
    for piece, path in enumerate(paths):
        path.write_bytes(corrupt.content[piece * size : (piece + 1) * size])
    decoder, received = Decoder(POLICY, folder), 0
    try:
        with open_spill_file(folder) as file:
            await file.append(decoder, DecoderInput(_container(corrupt), paths), _MAX_FRAMES)
            received = file.frames
    except BadMedia as exc:
        return _outcome_of(exc), exc.message
    except Unavailable as exc:
        return Outcome.AWAY, exc.message
    except Exception as exc:  # noqa: BLE001  # stands in the summary, which a test checks
        return Outcome.FAULT, repr(exc)
    finally:
        for path in paths:
            path.unlink()
    if received > _MAX_FRAMES:
        return Outcome.FAULT, f"{received} frames were decoded"
    return (Outcome.EMPTY if not received else Outcome.DAMAGED if decoder.damaged else Outcome.DECODED), ""


def _container(corrupt: CorruptFile) -> Container:
    container = sniff(corrupt.content[:SIGNATURE_BYTES])
    if not isinstance(container, Container):
        container = sniff(encoded(corrupt.form, SECONDS)[:SIGNATURE_BYTES])
    assert isinstance(container, Container)
    return container


def _outcome_of(error: BadMedia) -> Outcome:
    match error.code:
        case "too_long":
            return Outcome.TOO_LONG
        case "decode_timeout":
            return Outcome.TIMEOUT
        case _:
            return Outcome.CRASHED if "broke" in error.message else Outcome.REJECTED


async def run(files: Iterable[CorruptFile], folder: Path, *, at_once: int = 4) -> Summary:
    """Decode `files`, `at_once` of them in parallel, and look for processes and files left behind."""
    summary, waiting = Summary(), iter(files)
    children, memory, started = children_of(os.getpid()), _memory(), time.monotonic()

    async def worker() -> None:
        for corrupt in waiting:
            summary.note(corrupt, *await decoded(corrupt, folder))

    async with asyncio.TaskGroup() as workers:
        for _ in range(at_once):
            workers.create_task(worker())
    summary.seconds, summary.grown = time.monotonic() - started, _memory() - memory
    summary.left = [f"process {child}" for child in children_of(os.getpid()) - children]
    summary.left += [path.name for path in folder.iterdir()]
    return summary


def _memory() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
