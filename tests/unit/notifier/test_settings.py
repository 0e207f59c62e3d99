"""The notifier's settings, read from the environment."""

import pytest
from pydantic import ValidationError

from services.notifier.settings import NotifierSettings


def test_origins_are_a_comma_separated_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CORS_ALLOWED_ORIGINS", "https://App.example.com/, http://localhost:3000,")
    assert NotifierSettings().cors_allowed_origins == ("https://app.example.com", "http://localhost:3000")


def test_without_a_list_no_foreign_page_may_listen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CORS_ALLOWED_ORIGINS", raising=False)
    assert NotifierSettings().cors_allowed_origins == ()


def test_every_fault_is_reported_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CORS_ALLOWED_ORIGINS", "app.example.com")
    monkeypatch.setenv("NOTIFY_MAX_CLIENTS", "0")
    monkeypatch.setenv("NOTIFY_MAX_BUFFERED", "lots")
    with pytest.raises(ValidationError) as rejected:
        NotifierSettings()
    assert {fault["loc"][0] for fault in rejected.value.errors()} == {
        "cors_allowed_origins",
        "notify_max_clients",
        "notify_max_buffered",
    }
