import re
from itertools import pairwise

import pytest

from shared.domain.analysis import TranscriptLine
from shared.domain.subtitles import plain_text, subrip, web_vtt

CALL = (
    TranscriptLine(start=0.5, end=2.25, text="Good morning, workshop.", channel="agent", speaker="Ann"),
    TranscriptLine(start=3661.007, end=3662, text="Is my bike ready?", channel="customer"),
    TranscriptLine(start=3663, end=3664.5, text="Not yet."),
)
_TIMES = re.compile(r"(\d{2,}):(\d\d):(\d\d)[.,](\d{3}) --> (\d{2,}):(\d\d):(\d\d)[.,](\d{3})")


def times(text: str) -> list[tuple[int, int]]:
    """Return start and end of every cue in milliseconds."""
    found = []
    for match in _TIMES.finditer(text):
        hours, minutes, seconds, rest, *end = map(int, match.groups())
        found.append(
            (
                ((hours * 60 + minutes) * 60 + seconds) * 1000 + rest,
                ((end[0] * 60 + end[1]) * 60 + end[2]) * 1000 + end[3],
            )
        )
    return found


def test_a_transcript_as_plain_text_is_these_bytes() -> None:
    assert plain_text(CALL) == (
        "[0:00] Ann: Good morning, workshop.\n[1:01:01] customer: Is my bike ready?\n[1:01:03] Not yet.\n"
    )


def test_a_transcript_as_subrip_is_these_bytes() -> None:
    assert subrip(CALL) == (
        "1\n00:00:00,500 --> 00:00:02,250\nAnn: Good morning, workshop.\n\n"
        "2\n01:01:01,007 --> 01:01:02,000\ncustomer: Is my bike ready?\n\n"
        "3\n01:01:03,000 --> 01:01:04,500\nNot yet.\n\n"
    )


def test_a_transcript_as_webvtt_is_these_bytes() -> None:
    assert web_vtt(CALL) == (
        "WEBVTT\n\n"
        "00:00:00.500 --> 00:00:02.250\n<v Ann>Good morning, workshop.\n\n"
        "01:01:01.007 --> 01:01:02.000\n<v customer>Is my bike ready?\n\n"
        "01:01:03.000 --> 01:01:04.500\nNot yet.\n\n"
    )


def test_a_transcript_without_lines_is_an_empty_file_of_its_format() -> None:
    assert (plain_text([]), subrip([]), web_vtt([])) == ("", "", "WEBVTT\n\n")
    silent = [TranscriptLine(start=0, end=1, text=" \n ")]
    assert (plain_text(silent), subrip(silent), web_vtt(silent)) == ("", "", "WEBVTT\n\n")


def test_markup_in_webvtt_is_escaped_and_an_arrow_ends_no_cue() -> None:
    line = TranscriptLine(start=0, end=1, text="R&D <b>wins</b> --> now", speaker="A&B > C")
    assert web_vtt([line]) == (
        "WEBVTT\n\n00:00:00.000 --> 00:00:01.000\n<v A&amp;B &gt; C>R&amp;D &lt;b&gt;wins&lt;/b&gt; --&gt; now\n\n"
    )
    assert subrip([line]).count("-->") == 1


@pytest.mark.parametrize("gap", ["\n", "\n\n", "\r\n\r\n", "\u2028", "\x85", "\x00", "\x0b"])
def test_no_line_break_or_control_character_of_a_text_or_a_name_gets_into_a_cue(gap: str) -> None:
    line = TranscriptLine(start=0, end=1, text=f"one{gap}two", speaker=f"the{gap}agent")
    assert plain_text([line]) == "[0:00] the agent: one two\n"
    assert subrip([line]) == "1\n00:00:00,000 --> 00:00:01,000\nthe agent: one two\n\n"
    assert web_vtt([line]) == "WEBVTT\n\n00:00:00.000 --> 00:00:01.000\n<v the agent>one two\n\n"


def test_a_long_line_becomes_cues_of_two_rows_that_follow_each_other_without_a_gap() -> None:
    text = "We measured the frame twice and the fork once, " * 9 + "and it fits."
    written = subrip([TranscriptLine(start=10, end=40, text=text, channel="left")])
    cues = [block.split("\n") for block in written.strip().split("\n\n")]
    assert len(cues) > 4
    for _, _, *rows in cues:
        assert rows[0].startswith("left: ")
        assert len(rows) in {1, 2}
        assert all(len(row.removeprefix("left: ")) <= 42 for row in rows)
    words = " ".join(row.removeprefix("left: ") for _, _, *rows in cues for row in rows)
    assert words == text
    spans = times(written)
    assert (spans[0][0], spans[-1][1]) == (10_000, 40_000)
    assert all(before[1] == after[0] for before, after in pairwise(spans))


def test_a_text_without_spaces_is_broken_as_well() -> None:
    rows = web_vtt([TranscriptLine(start=0, end=9, text="語" * 100)]).split("\n")
    assert max(map(len, rows)) == 42


@pytest.mark.parametrize("end", [5.0, 4.0, 5.0004])
def test_every_cue_ends_after_it_starts_even_if_its_line_does_not(end: float) -> None:
    line = TranscriptLine(start=5, end=end, text="word " * 60)
    for text in (subrip([line]), web_vtt([line])):
        spans = times(text)
        assert len(spans) > 1
        assert all(start < stop for start, stop in spans)
        assert all(before[1] <= after[0] for before, after in pairwise(spans))


def test_times_are_rounded_to_the_millisecond_and_carried_over() -> None:
    line = TranscriptLine(start=59.9996, end=359_999.9996, text="x")
    assert times(subrip([line])) == [(60_000, 360_000_000)]
    assert "00:01:00,000 --> 100:00:00,000" in subrip([line])


def test_a_note_about_all_lines_stands_before_them_in_each_form() -> None:
    lines = [TranscriptLine(start=1.0, end=2.0, text="Hello.")]
    assert plain_text(lines, "nobody said this") == "[nobody said this]\n[0:01] Hello.\n"
    assert web_vtt(lines, "nobody said this").startswith("WEBVTT\n\nNOTE nobody said this\n\n00:00:01.000 -->")
    assert subrip(lines, "nobody said this").startswith(
        "1\n00:00:00,000 --> 00:00:04,000\n[nobody said this]\n\n2\n00:00:01,000"
    )
