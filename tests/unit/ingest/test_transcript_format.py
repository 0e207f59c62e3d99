import pytest
from starlette.datastructures import Headers, QueryParams

from services.ingest.sessions.transcript_format import requested_format
from shared.domain.errors import InvalidInput


def wanted(query: str = "", *accept: str) -> str:
    headers = Headers(raw=[(b"accept", line.encode()) for line in accept])
    return requested_format(QueryParams(query), headers).value


@pytest.mark.parametrize("name", ["json", "txt", "srt", "vtt"])
def test_the_query_names_the_format_whatever_is_accepted(name: str) -> None:
    assert wanted(f"format={name}", "text/html;q=1, application/json") == name


@pytest.mark.parametrize("name", ["", "JSON", "srt ", "xml", "text/vtt", "subrip"])
def test_an_unknown_format_is_invalid(name: str) -> None:
    with pytest.raises(InvalidInput) as rejected:
        wanted(f"format={name}", "text/vtt")
    assert rejected.value.code == "invalid_format"


@pytest.mark.parametrize("query", ["format=srt&format=vtt", "format=srt&format=srt"])
def test_a_format_that_is_given_twice_is_invalid(query: str) -> None:
    with pytest.raises(InvalidInput, match="more than once") as rejected:
        wanted(query)
    assert rejected.value.code == "invalid_format"


@pytest.mark.parametrize(
    ("accept", "name"),
    [
        ("", "json"),
        ("*/*", "json"),
        ("application/json", "json"),
        ("application/*", "json"),
        ("text/plain", "txt"),
        ("text/*", "txt"),
        ("application/x-subrip", "srt"),
        ("text/vtt", "vtt"),
        ("TEXT/VTT", "vtt"),
        ("text/vtt; charset=utf-8", "vtt"),
        ("text/vtt;q=0.5, text/plain;q=0.4", "vtt"),
        ("text/vtt;q=0.4,text/plain;q=0.5", "txt"),
        ("text/vtt ; q=0.9 , */* ; q=0.1", "vtt"),
        ("text/*;q=0.3, text/vtt;Q=0.7", "vtt"),
        ("text/plain;q=0, text/*", "vtt"),
        ("text/vtt, application/json", "json"),
        ("text/html, application/xhtml+xml, application/xml;q=0.9, */*;q=0.8", "json"),
        ("image/png", "json"),
        ("text/vtt;q=0", "json"),
        ("text/vtt;q=2, text/plain;q=0.2", "txt"),
        ("text/vtt;q=, ;;;,, nonsense", "json"),
    ],
)
def test_the_type_with_the_highest_quality_is_taken_and_json_if_none_is_acceptable(accept: str, name: str) -> None:
    assert wanted("", accept) == name


def test_several_lines_of_accept_are_one_list() -> None:
    assert wanted("", "text/plain;q=0.2", "text/vtt;q=0.3") == "vtt"
