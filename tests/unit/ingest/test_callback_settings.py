"""The callback's address and secret: both or none, a valid secret, and never repeated in an error."""

import base64

import pytest
from pydantic import ValidationError

from services.ingest.indexed_uploads.callbacks.settings import CallbackSettings

URL = "https://main.example.com/hooks"
GOOD = "whsec_" + base64.b64encode(bytes(range(32))).decode()


def settings(**given: object) -> CallbackSettings:
    return CallbackSettings.model_validate(given)


def test_without_an_address_no_callbacks_are_configured() -> None:
    assert settings().callback() is None
    assert settings(webhook_secret=GOOD).callback() is None


def test_an_address_and_a_secret_configure_a_receiver() -> None:
    config = settings(main_service_callback_url=URL, webhook_secret=GOOD).callback()
    assert config is not None
    assert (config.url, config.secret.get_secret_value()) == (URL, GOOD)
    assert GOOD not in repr(config)


def test_an_address_without_a_secret_is_rejected() -> None:
    with pytest.raises(ValidationError, match="needs WEBHOOK_SECRET"):
        settings(main_service_callback_url=URL)


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "whsec_",
        "plain text secret",
        GOOD.removeprefix("whsec_"),
        "whsec_" + base64.b64encode(bytes(23)).decode(),
        "whsec_" + base64.b64encode(bytes(65)).decode(),
        "whsec_not*base64*at*all*but*long*enough*to*be",
    ],
)
def test_a_malformed_secret_is_rejected_and_not_repeated(bad: str) -> None:
    with pytest.raises(ValidationError, match="24 to 64 random bytes") as caught:
        settings(main_service_callback_url=URL, webhook_secret=bad)
    if bad.removeprefix("whsec_"):
        assert bad not in str(caught.value)


@pytest.mark.parametrize("bad", ["main.example.com", "ftp://main.example.com", "file:///etc/passwd", "http://"])
def test_an_address_that_is_not_an_http_url_is_rejected(bad: str) -> None:
    with pytest.raises(ValidationError, match="main_service_callback_url"):
        settings(main_service_callback_url=bad, webhook_secret=GOOD)
