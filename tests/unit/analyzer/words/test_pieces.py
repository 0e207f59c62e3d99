from services.analyzer.score.words.pieces import MOST_WORDS, pieces_of


def test_a_short_line_is_one_piece() -> None:
    assert pieces_of("Good morning. How can I help you today?") == ["Good morning. How can I help you today?"]


def test_a_long_line_is_cut_between_its_sentences() -> None:
    first, second = "I rang on Monday " + "and again " * 6 + "in vain.", "You never " + "ever " * 14 + "called."
    assert pieces_of(f"{first} {second}") == [first, second]


def test_a_line_without_marks_is_cut_in_equal_parts_and_loses_no_word() -> None:
    line = " ".join(f"word{number}" for number in range(100))
    pieces = pieces_of(line)
    assert " ".join(pieces) == line
    assert {len(piece.split()) for piece in pieces} == {25}
    assert len(pieces) == -(-100 // MOST_WORDS)


def test_an_empty_line_is_one_empty_piece() -> None:
    assert pieces_of("") == [""]
    assert pieces_of("  ") == [""]
