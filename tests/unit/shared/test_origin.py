"""Origins whose pages may call."""

import pytest

from shared.http.origins import is_origin_allowed, normalize_origin

LISTED = ("https://app.example.com",)


@pytest.mark.parametrize(
    ("origins", "host"),
    [
        ([], "api.example.com"),
        (["http://127.0.0.1:8000"], "127.0.0.1:8000"),
        (["https://api.example.com"], "api.example.com"),
        (["https://api.example.com"], "api.example.com:443"),
        (["http://API.example.com:80"], "api.example.com"),
        (["http://[::1]:8000"], "[::1]:8000"),
        (["https://app.example.com"], "api.example.com"),
    ],
)
def test_requests_without_origin_of_the_own_host_and_of_listed_origins_are_allowed(
    origins: list[str], host: str
) -> None:
    assert is_origin_allowed(origins, host, LISTED)


@pytest.mark.parametrize(
    ("origins", "host"),
    [
        (["https://evil.example"], "api.example.com"),
        (["http://127.0.0.1:3000"], "127.0.0.1:8000"),
        (["http://app.example.com"], "api.example.com"),
        (["https://app.example.com.evil.example"], "api.example.com"),
        (["https://evil.example/https://app.example.com"], "api.example.com"),
        (["null"], "null"),
        (["null"], ""),
        ([""], ""),
        (["http://"], ""),
        (["file://"], ""),
        (["http://[::1"], "[::1"),
        (["http://a:99999"], "a:99999"),
        (["https://app.example.com", "https://app.example.com"], "api.example.com"),
    ],
)
def test_any_other_origin_is_rejected(origins: list[str], host: str) -> None:
    assert not is_origin_allowed(origins, host, LISTED)


def test_a_star_allows_every_origin() -> None:
    assert is_origin_allowed(["https://evil.example"], "api.example.com", ("*",))


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        (" https://App.example.com/ ", "https://app.example.com"),
        ("http://a:80", "http://a"),
        ("http://a:8080", "http://a:8080"),
    ],
)
def test_a_listed_origin_is_normalized_as_browsers_write_it(text: str, origin: str) -> None:
    assert normalize_origin(text) == origin


@pytest.mark.parametrize("text", ["app.example.com", "https://", "https://a/path", "https://a?x", "ftp://a", "null"])
def test_a_malformed_origin_raises_value_error(text: str) -> None:
    with pytest.raises(ValueError, match="is not an origin"):
        normalize_origin(text)
