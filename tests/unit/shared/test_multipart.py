import itertools
from collections.abc import AsyncIterator, Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.errors import InvalidInput, TooLarge
from shared.http.multipart import Field, FileStart, FormEvent, boundary_of, parse_form


async def stream(pieces: Iterable[bytes]) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


async def events(body: bytes, cuts: list[int]) -> list[FormEvent]:
    edges = [0, *sorted(cut % (len(body) + 1) for cut in cuts), len(body)]
    pieces = [body[start:end] for start, end in itertools.pairwise(edges) if start < end]
    return [event async for event in parse_form(stream(pieces), "bnd", file_fields=frozenset({"file"}))]


def part(name: str, content: bytes, filename: str | None = None) -> bytes:
    extra = "" if filename is None else f'; filename="{filename}"'
    return f'--bnd\r\nContent-Disposition: form-data; name="{name}"{extra}\r\n\r\n'.encode() + content + b"\r\n"


@given(st.binary(max_size=3000), st.lists(st.integers(min_value=0), max_size=30), st.booleans())
async def test_fields_and_file_are_complete_however_the_body_is_divided(
    content: bytes,
    cuts: list[int],
    file_first: bool,  # noqa: FBT001
) -> None:
    if b"\r\n--bnd" in content:
        return
    parts = [part("file", content, "a.wav"), part("index", b"7")]
    body = b"".join(parts if file_first else parts[::-1]) + b"--bnd--\r\n"

    parsed = await events(body, cuts)

    assert b"".join(event for event in parsed if isinstance(event, bytes)) == content
    assert Field("index", "7") in parsed
    assert FileStart("file", "a.wav") in parsed


@pytest.mark.parametrize("end", [b"", b"--bn", b"--bnd\r\n"])
async def test_a_form_that_ends_early_raises_invalid_input(end: bytes) -> None:
    with pytest.raises(InvalidInput):
        await events(part("file", b"abc") + end, [])


async def test_a_field_is_limited_in_size_and_must_be_utf_8() -> None:
    with pytest.raises(TooLarge):
        await events(part("index", b"1" * 70_000) + b"--bnd--", [])
    with pytest.raises(InvalidInput):
        await events(part("index", b"\xff") + b"--bnd--", [])


def test_the_boundary_is_read_from_the_content_type() -> None:
    assert boundary_of('multipart/form-data; boundary="a b"') == "a b"
    assert boundary_of("application/json") is None
    for bad in ("multipart/form-data", "multipart/form-data; boundary=", f"multipart/form-data; boundary={'x' * 201}"):
        with pytest.raises(InvalidInput):
            boundary_of(bad)


@pytest.mark.parametrize("content", [b"x" * 70_000, b"\xff\xfe"])
async def test_a_file_in_the_wrong_field_raises_missing_file(content: bytes) -> None:
    with pytest.raises(InvalidInput, match="'wrong'") as raised:
        await events(part("wrong", content, "a.wav") + b"--bnd--\r\n", [])
    assert raised.value.code == "missing_file"
