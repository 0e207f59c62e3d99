import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.errors import ErrorKind, InvalidInput
from shared.domain.identifiers import parse_chunk_index, parse_identifier
from shared.http.responses import http_status
from shared.observability.trace import new_trace


@given(st.text(max_size=200))
def test_an_identifier_is_returned_unchanged_or_invalid(text: str) -> None:
    try:
        assert parse_identifier(text, "session_id") == text
    except InvalidInput:
        return
    assert text.isascii()
    assert not set(text) & set("./\\*> \r\n\0")
    assert 1 <= len(text) <= 128


@given(st.integers(min_value=0, max_value=9_999_999))
def test_a_plain_number_is_a_chunk_index(number: int) -> None:
    assert parse_chunk_index(str(number)) == number


@given(st.text(max_size=12).filter(lambda text: not (text.isascii() and text.isdigit())))
def test_any_other_text_is_not_a_chunk_index(text: str) -> None:
    with pytest.raises(InvalidInput):
        parse_chunk_index(text)


@pytest.mark.parametrize("kind", ErrorKind)
def test_every_kind_of_error_has_a_status(kind: ErrorKind) -> None:
    assert 400 <= http_status(kind) <= 507


def test_a_well_formed_trace_is_kept_and_a_bad_one_replaced() -> None:
    parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    assert new_trace("call.7", parent).traceparent == parent
    assert new_trace("call.7", parent).request_id == "call.7"
    zero = new_trace("x" * 129, "00-00000000000000000000000000000000-00f067aa0ba902b7-01")
    assert zero.request_id != "x" * 129
    assert zero.trace_id != "0" * 32
