from services.analyzer.transcribe.line_teller import LineTeller
from services.analyzer.transcribe.understanding import HeardPiece, Tokens
from shared.domain.analysis import TranscriptLine

ENGLISH, FOREIGN = -0.25, -1.0  # mean log probability of a token


def piece(start: float, tokens: int, probability: float) -> HeardPiece:
    seconds = tokens / 4
    return HeardPiece(start, start + seconds, seconds, tokens // 2, Tokens(tokens, tokens * probability))


def line(text: str) -> TranscriptLine:
    return TranscriptLine(start=0.0, end=1.0, text=text)


class Listener:
    """Takes down what it is told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    async def on_line(self, line: TranscriptLine) -> None:
        self.told.append(line.text)


async def test_lines_wait_until_ten_seconds_of_speech_are_understood_and_then_come_at_once() -> None:
    listener = Listener()
    teller = LineTeller(listener.on_line)
    teller.add(line("one"))
    await teller.tell([piece(0, 20, ENGLISH)])
    assert listener.told == []
    teller.add(line("two"))
    await teller.tell([piece(0, 20, ENGLISH), piece(6, 24, ENGLISH)])
    assert listener.told == ["one", "two"]
    teller.add(line("three"))
    await teller.tell([piece(0, 20, ENGLISH), piece(6, 24, ENGLISH), piece(13, 20, ENGLISH)])
    assert listener.told == ["one", "two", "three"]


async def test_words_of_another_language_are_never_told() -> None:
    listener = Listener()
    teller = LineTeller(listener.on_line)
    for number in range(4):
        teller.add(line("Nobody said this."))
        await teller.tell([piece(12.0 * at, 44, FOREIGN) for at in range(number + 1)])
    await teller.finish(())
    assert listener.told == []


async def test_at_the_end_what_is_in_the_transcript_is_told_and_nothing_else() -> None:
    listener = Listener()
    teller = LineTeller(listener.on_line)
    for text in ("kept", "left out"):
        teller.add(line(text))
    await teller.tell([piece(0, 20, ENGLISH)])
    await teller.finish([line("kept")])
    await teller.finish([line("kept")])
    assert listener.told == ["kept"]


async def test_a_model_that_tells_no_probabilities_is_believed() -> None:
    listener = Listener()
    teller = LineTeller(listener.on_line)
    teller.add(line("any language"))
    await teller.tell([piece(0, 0, 0.0)])
    assert listener.told == ["any language"]
