import json

import pytest

from services.analyzer.openai_api.errors import UnreadableAnswer
from services.analyzer.transcribe.languages import language_tag
from services.analyzer.transcribe.protocol import Heard
from services.analyzer.transcribe.transcription import parse_transcription


def segment(start: float, text: str, **more: float) -> dict[str, object]:
    return {"start": start, "end": start + 1, "text": text, "no_speech_prob": 0.01, "avg_logprob": -0.2, **more}


def parsed(*segments: dict[str, object], **more: object) -> Heard:
    return parse_transcription(json.dumps({"text": "all of it", "segments": segments, **more}), seconds=9.0)


def texts(transcription: Heard) -> list[str]:
    return [line.text for line in transcription.lines]


def test_segments_become_lines_with_times_and_confidences() -> None:
    (line,) = parsed(segment(1.5, " Where is it?")).lines
    assert (line.start, line.end, line.text) == (1.5, 2.5, "Where is it?")
    (sure,) = parsed(segment(0, "Here.")).confidences
    assert sure == pytest.approx(0.8187, abs=1e-3)


@pytest.mark.parametrize("more", [{}, {"segments": []}, {"segments": None}])
def test_without_segments_the_text_is_a_line_of_the_pieces_times(more: dict[str, object]) -> None:
    (line,) = parse_transcription(json.dumps({"text": " Where is it? ", **more}), seconds=9.0).lines
    assert (line.start, line.end, line.text) == (0.0, 9.0, "Where is it?")


def test_without_text_there_is_no_line() -> None:
    assert parse_transcription('{"text": " \\n"}', seconds=9.0).lines == ()


def test_control_characters_are_taken_out() -> None:
    assert texts(parsed(segment(0, "One\x1b[2J\x00two"))) == ["One [2J two"]


def test_what_nobody_can_say_in_three_minutes_is_not_read() -> None:
    words = " ".join(map(str, range(200_000)))
    (line,) = parse_transcription(json.dumps({"text": words}), seconds=180.0).lines
    assert 19_900 < len(line.text) <= 20_000
    assert len(parsed(*[segment(n, f"Line {n}") for n in range(5000)]).lines) == 1000


def test_segments_without_speech_are_left_out() -> None:
    invented = segment(0, "Thanks for watching!", no_speech_prob=0.9, avg_logprob=-1.4)
    hesitant = segment(1, "Well.", no_speech_prob=0.9, avg_logprob=-0.3)
    assert texts(parsed(invented, hesitant)) == ["Well."]


def test_of_a_loop_the_first_line_is_kept() -> None:
    loop = [segment(n * 0.3, f" Leave me{'!' if n % 2 else '.'}") for n in range(30)]
    assert texts(parsed(segment(0, "So."), *loop, segment(10, "Bye."))) == ["So.", "Leave me.", "Bye."]


def test_of_two_lines_in_turn_the_first_two_are_kept() -> None:
    loop = [segment(n, "Leave me." if n % 2 else "I hate you.") for n in range(20)]
    assert texts(parsed(*loop)) == ["I hate you.", "Leave me."]


def test_a_loop_inside_a_text_is_taken_out() -> None:
    text = "Yes. " + "I will call you back. " * 20
    assert texts(parsed(segment(0, text))) == ["Yes. I will call you back."]
    assert texts(parse_transcription(json.dumps({"text": text}), seconds=9)) == ["Yes. I will call you back."]


def test_a_short_loop_is_known_by_its_compression() -> None:
    assert len(parsed(*[segment(n, "No way.", compression_ratio=9.5) for n in range(3)]).lines) == 1


def test_what_people_say_again_stays() -> None:
    assert len(parsed(*[segment(n, "Go away!", compression_ratio=1.1) for n in range(4)]).lines) == 4


@pytest.mark.parametrize(
    ("name", "tag"),
    [
        ("english", "en"),
        ("German", "de"),
        ("castilian", "es"),
        ("en", "en"),
        ("en-US", "en"),
        ("zh_TW", "zh"),
        ("klingon", None),
        ("", None),
        (None, None),
    ],
)
def test_a_language_is_known_by_its_name_or_its_tag(name: str | None, tag: str | None) -> None:
    assert language_tag(name) == tag


def test_the_language_of_a_transcription_is_a_tag() -> None:
    assert parsed(segment(0, "Guten Tag."), language="german").language == "de"
    assert parsed(segment(0, "Hello.")).language is None


@pytest.mark.parametrize(
    "body",
    [
        "",
        '{"text": "Ever tri',
        '{"segments": []}',
        '{"text": null}',
        '["text"]',
        '{"text": "x", "segments": [{"start": NaN, "end": 1, "text": "x"}]}',
        '{"text": "x", "segments": [{"start": "soon", "end": 1, "text": "x"}]}',
    ],
)
def test_a_body_of_another_shape_is_not_read(body: str) -> None:
    with pytest.raises(UnreadableAnswer):
        parse_transcription(body, seconds=9.0)
