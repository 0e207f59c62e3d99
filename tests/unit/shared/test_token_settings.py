"""The settings for verifying tokens, and those that a service does not start with."""

from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc.jwk import ECKey, OKPKey
from pydantic import ValidationError

from shared.runtime.settings import ServiceSettings
from tests.tokens import signing_key, token_settings


def errors_of(**settings: object) -> str:
    with pytest.raises(ValidationError) as caught:
        ServiceSettings.model_validate(settings)
    return str(caught.value)


def test_with_a_key_a_service_may_listen_on_any_address() -> None:
    settings = ServiceSettings.model_validate({"host": "0.0.0.0", **token_settings()})  # noqa: S104
    config = settings.jwt_config()
    assert config is not None
    assert config.policy.algorithms == {"RS256"}


def test_without_a_key_authentication_is_off() -> None:
    assert ServiceSettings().jwt_config() is None


def test_line_breaks_in_a_key_may_be_written_as_two_characters() -> None:
    pem = str(token_settings()["main_service_jwt_public_key"]).replace("\n", "\\n")
    assert "\n" not in pem
    assert ServiceSettings.model_validate(token_settings() | {"main_service_jwt_public_key": pem}).jwt_config()


def test_settings_come_from_the_environment_under_the_names_of_the_contract(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAIN_SERVICE_JWKS_URL", "https://login.example.com/keys")
    monkeypatch.setenv("JWT_ALGORITHM", "RS256, ES256")
    monkeypatch.setenv("EXPECTED_JWT_ISSUER", "issuer")
    monkeypatch.setenv("EXPECTED_JWT_AUDIENCE", "audience")
    monkeypatch.setenv("JWT_LEEWAY_SECONDS", "60")
    monkeypatch.setenv("JWT_TENANT_CLAIM", "https://example.com/tenant")
    config = ServiceSettings().jwt_config()
    assert config is not None
    assert config.jwks_url == "https://login.example.com/keys"
    assert config.policy.algorithms == {"RS256", "ES256"}
    assert (config.policy.leeway, config.policy.tenant_claim) == (60, "https://example.com/tenant")


@pytest.mark.parametrize("algorithm", ["HS256", "none", "RS256,HS256", "rs256", "RS257", ",", "EdDSA"])
def test_an_algorithm_that_is_symmetric_or_unknown_is_an_error(algorithm: str) -> None:
    assert "JWT_ALGORITHM" in errors_of(**token_settings() | {"jwt_algorithm": algorithm})


def _short_key() -> str:
    key = generate_private_key(65537, 1024).public_key()  # noqa: S505  # too short on purpose
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda: signing_key().as_pem(private=True).decode(), "private key"),
        (lambda: "s3cr3t", "not a public key"),
        (lambda: "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----", "not a public key"),
        (lambda: ECKey.generate_key("P-256").as_pem(private=False).decode(), "does not fit JWT_ALGORITHM"),
        (lambda: OKPKey.generate_key("Ed25519").as_pem(private=False).decode(), "RSA and EC"),
        (_short_key, "1024 bits"),
    ],
    ids=["private", "no key", "broken", "another type", "unknown type", "short"],
)
def test_an_unusable_key_is_an_error_that_does_not_repeat_it(make: Callable[[], str], why: str) -> None:
    pem = make()
    errors = errors_of(**token_settings() | {"main_service_jwt_public_key": pem})
    assert "MAIN_SERVICE_JWT_PUBLIC_KEY" in errors
    assert why in errors
    assert not any(line in errors for line in pem.splitlines() if not line.startswith("-----"))


def test_a_key_without_issuer_and_audience_is_an_error_that_names_both() -> None:
    key = token_settings()["main_service_jwt_public_key"]
    errors = errors_of(main_service_jwt_public_key=key)
    assert "EXPECTED_JWT_ISSUER must be set" in errors
    assert "EXPECTED_JWT_AUDIENCE must be set" in errors


@pytest.mark.parametrize("name", ["expected_jwt_issuer", "expected_jwt_audience"])
def test_an_issuer_or_audience_without_a_key_is_an_error(name: str) -> None:
    assert f"{name.upper()} is set, but no key" in errors_of(**{name: "x"})


def test_a_key_and_a_jwks_url_together_are_an_error() -> None:
    assert "both set" in errors_of(**token_settings() | {"main_service_jwks_url": "https://login.example.com/keys"})


@pytest.mark.parametrize(
    "url", ["login.example.com/keys", "file:///etc/passwd", "ftp://x/keys", "https://", "http://x:y/"]
)
def test_a_jwks_url_must_be_http_or_https(url: str) -> None:
    errors = errors_of(main_service_jwks_url=url, expected_jwt_issuer="i", expected_jwt_audience="a")
    assert "MAIN_SERVICE_JWKS_URL must be an address" in errors


@pytest.mark.parametrize("leeway", [-1, 61, "nan", "x"])
def test_a_leeway_outside_of_zero_to_sixty_seconds_is_an_error(leeway: object) -> None:
    assert "jwt_leeway_seconds" in errors_of(**token_settings() | {"jwt_leeway_seconds": leeway})


def test_every_fault_is_named_at_once() -> None:
    errors = errors_of(
        host="10.0.0.7",
        expected_jwt_issuer="i",
        jwt_algorithm="none",
        jwt_leads_claim="tenant_id",
    )
    for name in ("JWT_ALGORITHM", "EXPECTED_JWT_ISSUER", "JWT_LEADS_CLAIM", "ALLOW_ANONYMOUS"):
        assert name in errors
