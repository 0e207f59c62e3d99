"""Corrupt recordings: the short form of `make fuzz-media`."""

import secrets
from functools import partial
from pathlib import Path

import pytest

from shared.audio.not_audio import NotAudio
from shared.audio.sniff import SIGNATURE_BYTES, read_signature, sniff
from shared.audio.streams import CHUNK_HEAD_BYTES, split_into_streams
from tests.hostile_media.mutation import SECONDS, mutated, truncated
from tests.hostile_media.ogg import signed_again
from tests.hostile_media.run import Outcome, Summary, run
from tests.integration.audio_files import CODECS, encoded

COUNT = 8 * len(CODECS)  # each format with each mutation once
MAX_GROWTH = 64 * 1024  # KiB; a decoded minute is 2 MB


def described(summary: Summary) -> str:
    return "\n".join(summary.lines())


async def test_a_hundred_corrupt_files_are_decoded_or_rejected_and_leave_nothing(tmp_path: Path) -> None:
    seed = secrets.randbelow(10**9)
    summary = await run(mutated(seed, COUNT), tmp_path)
    assert summary.sound, f"seed {seed}\n{described(summary)}"
    assert summary.outcomes.total() == COUNT
    assert set(summary.by_format) == set(CODECS)
    assert summary.grown < MAX_GROWTH
    assert summary.outcomes[Outcome.DECODED] + summary.outcomes[Outcome.DAMAGED]
    assert summary.outcomes[Outcome.REJECTED]


def test_a_seed_makes_the_same_files_again_and_another_seed_makes_others() -> None:
    assert list(mutated(7, 30)) == list(mutated(7, 30))
    assert list(mutated(7, 30)) != list(mutated(8, 30))


def test_checksums_of_unchanged_pages_are_those_of_ffmpeg() -> None:
    for form in ("ogg", "vorbis.ogg"):
        assert signed_again(encoded(form)) == encoded(form)


def _behind(content: bytes, _number: int, offset: int) -> bytes:
    return content[offset : offset + CHUNK_HEAD_BYTES]


@pytest.mark.parametrize("form", CODECS)
def test_a_file_truncated_anywhere_in_its_first_4_kib_is_sniffed_without_an_error(form: str) -> None:
    kind = sniff(encoded(form, SECONDS)[:SIGNATURE_BYTES])
    for corrupt in truncated(form, range(4097)):
        found = sniff(corrupt.content[:SIGNATURE_BYTES])
        assert found in {kind, None} or corrupt.number < 16, corrupt.how
        if corrupt.content:
            assert not isinstance(
                split_into_streams(
                    corrupt.content[:SIGNATURE_BYTES],
                    [read_signature(corrupt.content)],
                    [corrupt.number],
                    partial(_behind, corrupt.content),
                ),
                NotAudio,
            )


@pytest.mark.parametrize("form", CODECS)
async def test_a_file_truncated_in_its_first_4_kib_is_decoded_or_rejected_and_leaves_nothing(
    form: str, tmp_path: Path
) -> None:
    lengths = range(0, 4097, 683)
    summary = await run(truncated(form, lengths), tmp_path)
    assert summary.sound, described(summary)
    assert not summary.outcomes[Outcome.CRASHED], described(summary)
