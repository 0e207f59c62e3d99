"""Host names that a server on loopback accepts."""

import pytest
from pydantic import ValidationError

from shared.http.origins import is_host_allowed
from shared.runtime.settings import ServiceSettings
from tests.tokens import token_settings

LISTED = ("gateway.example", "10.1.2.3")


@pytest.mark.parametrize(
    "host",
    [
        *("localhost", "localhost:8000", "LocalHost:8000", "localhost.", "app.localhost:8000"),
        *("127.0.0.1", "127.0.0.1:8000", "127.9.9.9", "[::1]", "[::1]:8000"),
        *("gateway.example", "Gateway.Example:443", "10.1.2.3:8000"),
    ],
)
def test_names_of_this_machine_and_listed_names_are_allowed(host: str) -> None:
    assert is_host_allowed([host], LISTED)


@pytest.mark.parametrize(
    "host",
    [
        *("evil.example", "evil.example:8000", "127.0.0.1.evil.example", "localhost.evil.example", "evillocalhost"),
        *("192.168.1.1", "0.0.0.0:8000", "[::2]:80", "128.0.0.1", "sub.gateway.example", "10.1.2.3.example"),
        *("", ":80", "localhost@evil.example", "evil@localhost", "localhost, evil.example", "localhost:80:80"),
        *("[::1", "::1]", "localhost/", "*", "１27.0.0.1", "2130706433", "127.1"),
    ],
)
def test_no_other_name_is_allowed(host: str) -> None:
    assert not is_host_allowed([host], LISTED)


def test_two_host_headers_are_rejected_none_is_allowed_and_a_star_allows_all() -> None:
    assert not is_host_allowed(["localhost", "localhost"], LISTED)
    assert is_host_allowed([], LISTED)
    assert is_host_allowed(["evil.example"], ("*",))


def test_host_names_are_checked_only_on_loopback_without_tokens() -> None:
    def hosts(**given: object) -> object:
        return ServiceSettings.model_validate(given).origin_policy().hosts

    listed = {"allowed_hosts": " Gateway.example, 10.1.2.3,"}
    assert hosts() == ()
    assert hosts(host="::1", **listed) == LISTED
    assert hosts(allow_anonymous=True, **listed) == LISTED
    assert hosts(host="192.168.1.1", allow_anonymous=True, **listed) is None
    assert hosts(**token_settings(), **listed) is None


@pytest.mark.parametrize("bad", ["http://gateway.example", "gateway.example:80", "a b", "*.example", "a/b"])
def test_a_malformed_name_in_the_setting_fails_at_the_start(bad: str) -> None:
    with pytest.raises(ValidationError, match="not a host name"):
        ServiceSettings.model_validate({"allowed_hosts": bad})
