"""Spoilt recordings: the short form of `make fuzz-media`."""

import secrets
from pathlib import Path

import pytest

from shared.audio.sniff import SIGNATURE_BYTES, NotAudio, read_signature, sniff, split_into_streams
from tests.hostile_media.mutation import SECONDS, mutated, truncated
from tests.hostile_media.ogg import signed_again
from tests.hostile_media.run import Outcome, Summary, run
from tests.integration.audio_files import CODECS, encoded

COUNT = 8 * len(CODECS)  # each form spoilt in each way once
MOST_GROWN = 64 * 1024  # KiB; a decoded minute is 2 MB


def told(summary: Summary) -> str:
    return "\n".join(summary.lines())


async def test_a_hundred_spoilt_files_are_decoded_or_refused_and_leave_nothing(tmp_path: Path) -> None:
    seed = secrets.randbelow(10**9)
    summary = await run(mutated(seed, COUNT), tmp_path)
    assert summary.sound, f"seed {seed}\n{told(summary)}"
    assert summary.outcomes.total() == COUNT
    assert set(summary.by_form) == set(CODECS)
    assert summary.grown < MOST_GROWN
    assert summary.outcomes[Outcome.DECODED] + summary.outcomes[Outcome.DAMAGED]
    assert summary.outcomes[Outcome.REFUSED]


def test_a_seed_makes_the_same_files_again_and_another_seed_makes_others() -> None:
    assert list(mutated(7, 30)) == list(mutated(7, 30))
    assert list(mutated(7, 30)) != list(mutated(8, 30))


def test_pages_that_were_not_spoilt_are_signed_as_ffmpeg_signed_them() -> None:
    for form in ("ogg", "vorbis.ogg"):
        assert signed_again(encoded(form)) == encoded(form)


@pytest.mark.parametrize("form", CODECS)
def test_a_file_cut_off_at_any_of_the_first_4_kib_is_told_from_its_beginning_without_an_error(form: str) -> None:
    kind = sniff(encoded(form, SECONDS)[:SIGNATURE_BYTES])
    for spoilt in truncated(form, range(4097)):
        seen = sniff(spoilt.content[:SIGNATURE_BYTES])
        assert seen in {kind, None} or spoilt.number < 16, spoilt.how
        if spoilt.content:
            assert not isinstance(
                split_into_streams(spoilt.content[:SIGNATURE_BYTES], [read_signature(spoilt.content)], [spoilt.number]),
                NotAudio,
            )


@pytest.mark.parametrize("form", CODECS)
async def test_a_file_cut_off_in_its_first_4_kib_is_decoded_or_refused_and_leaves_nothing(
    form: str, tmp_path: Path
) -> None:
    lengths = range(0, 4097, 683)
    summary = await run(truncated(form, lengths), tmp_path)
    assert summary.sound, told(summary)
    assert not summary.outcomes[Outcome.BROKE], told(summary)
