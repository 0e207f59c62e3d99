from services.analyzer.transcribe.speakers import with_speakers
from shared.domain.analysis import TranscriptLine


def line(start: float, end: float) -> TranscriptLine:
    return TranscriptLine(start=start, end=end, text="words")


def test_each_line_gets_the_voice_that_is_heard_most_in_it() -> None:
    spans = [(0.0, 2.0, 3), (2.0, 2.4, 0), (2.4, 5.0, 0), (5.2, 7.0, 3)]
    found = with_speakers([line(0.1, 2.2), line(2.1, 5.0), line(5.3, 6.9)], spans)
    assert [item.speaker for item in found] == ["1", "2", "1"]
    assert {item.speaker_source for item in found} == {"guessed"}


def test_a_line_in_which_no_voice_is_known_has_no_speaker() -> None:
    (found,) = with_speakers([line(8, 9)], [(0.0, 2.0, 0)])
    assert (found.speaker, found.speaker_source) == (None, None)
