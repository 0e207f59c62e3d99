import json
from dataclasses import asdict

from hypothesis import given
from hypothesis import strategies as st

from shared.domain.analysis import TranscriptLine
from shared.domain.result_events import fitting

lines = st.lists(
    st.builds(TranscriptLine, start=st.just(3599.123), end=st.just(3602.456), text=st.text(max_size=200)), max_size=30
)


@given(lines=lines, most=st.integers(0, 3000))
def test_the_part_of_a_transcript_in_an_event_fits_and_holds_the_first_lines(
    lines: list[TranscriptLine], most: int
) -> None:
    kept, truncated = fitting(lines, most)
    assert list(kept) == lines[: len(kept)]
    assert truncated == (len(kept) < len(lines))
    if kept:
        assert len(json.dumps([asdict(line) for line in kept])) <= most + 2


def test_a_transcript_that_fits_is_whole_in_the_event() -> None:
    whole = [TranscriptLine(start=0, end=1, text="word " * 20)] * 100
    assert fitting(whole, 256 * 1024) == (tuple(whole), False)
