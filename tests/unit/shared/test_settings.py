from typing import ClassVar

import pytest
from pydantic import ValidationError

from shared.runtime.settings import ServiceSettings
from shared.storage.settings import StoreSettings

R2 = {
    "R2_ACCOUNT_ID": "acc",
    "R2_ACCESS_KEY_ID": "key",
    "R2_SECRET_ACCESS_KEY": "secret",
    "R2_BUCKET_NAME": "calls",
}
CLOUDFLARE = {f"CLOUDFLARE_{name}": value for name, value in R2.items()}
S3 = {
    "S3_ENDPOINT_URL": "http://127.0.0.1:9000/",
    "S3_ACCESS_KEY": "key",
    "S3_SECRET_KEY": "secret",
    "S3_BUCKET_NAME": "calls",
}


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    for name in (*R2, *CLOUDFLARE, *S3, "CLOUDFLARE_R2_PUBLIC_URL", "HOST", "ALLOW_ANONYMOUS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path_factory.mktemp("cwd"))


def store(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]) -> StoreSettings:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return StoreSettings()


@pytest.mark.parametrize("names", [R2, CLOUDFLARE, R2 | CLOUDFLARE])
def test_the_two_sets_of_r2_names_are_the_same_settings(names: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    config = store(monkeypatch, names).store()
    assert config.endpoint == "https://acc.r2.cloudflarestorage.com"
    assert config.address == "https://calls.acc.r2.cloudflarestorage.com"
    assert (config.access_key, config.secret_key.get_secret_value(), config.bucket) == ("key", "secret", "calls")


def test_an_s3_endpoint_is_addressed_by_path(monkeypatch: pytest.MonkeyPatch) -> None:
    config = store(monkeypatch, S3).store()
    assert (config.endpoint, config.address) == ("http://127.0.0.1:9000", "http://127.0.0.1:9000/calls")


def test_a_public_url_replaces_the_buckets_own(monkeypatch: pytest.MonkeyPatch) -> None:
    config = store(monkeypatch, R2 | {"CLOUDFLARE_R2_PUBLIC_URL": "https://recordings.example.com/"}).store()
    assert config.address == "https://recordings.example.com"


def test_two_names_that_disagree_are_an_error_that_names_both_and_no_value(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValidationError) as caught:
        store(monkeypatch, R2 | S3 | {"S3_SECRET_KEY": "another-secret"})
    assert "R2_SECRET_ACCESS_KEY and S3_SECRET_KEY" in str(caught.value)
    assert "another-secret" not in str(caught.value)


def test_all_missing_settings_are_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValidationError) as caught:
        store(monkeypatch, {})
    for name in ("R2_ACCESS_KEY_ID", "S3_SECRET_KEY", "CLOUDFLARE_R2_BUCKET_NAME", "S3_ENDPOINT_URL"):
        assert name in str(caught.value)


class OptionalStore(StoreSettings):
    needs_store: ClassVar[bool] = False


def test_a_service_that_needs_no_store_starts_without_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORE_PART_ORDER", "ascending")
    assert not OptionalStore().has_store_settings
    monkeypatch.setenv("R2_ACCOUNT_ID", "")
    monkeypatch.setenv("CLOUDFLARE_R2_PUBLIC_URL", "https://recordings.example.com")
    assert not OptionalStore().has_store_settings


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ("R2_ACCOUNT_ID", {"R2_BUCKET_NAME", "R2_ACCESS_KEY_ID", "R2_SECRET_ACCESS_KEY"}),
        ("CLOUDFLARE_R2_SECRET_ACCESS_KEY", {"R2_BUCKET_NAME", "R2_ACCESS_KEY_ID", "R2_ACCOUNT_ID"}),
        ("S3_ENDPOINT_URL", {"S3_BUCKET_NAME", "S3_ACCESS_KEY", "S3_SECRET_KEY"}),
    ],
)
def test_an_incomplete_store_is_an_error_everywhere_that_names_all_missing_settings(
    given: str, missing: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(given, "https://store.example.com")
    with pytest.raises(ValidationError) as caught:
        OptionalStore()
    assert [name for name in missing if name not in str(caught.value)] == []


def test_settings_are_read_from_a_dotenv_file_and_the_environment_wins(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("dotenv")
    folder.joinpath(".env").write_text("".join(f"{name}={value}\n" for name, value in R2.items()))
    monkeypatch.chdir(folder)
    assert store(monkeypatch, {"R2_BUCKET_NAME": "other"}).store().bucket == "other"


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.7", "example.com"])  # noqa: S104
def test_a_service_open_to_others_without_authentication_does_not_start(host: str) -> None:
    with pytest.raises(ValidationError, match="ALLOW_ANONYMOUS"):
        ServiceSettings(host=host)
    assert ServiceSettings(host=host, allow_anonymous=True).host == host


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_on_loopback_a_service_starts_with_nothing_configured(host: str) -> None:
    assert ServiceSettings(host=host).host == host
