"""Settings for verifying tokens, under the names of docs/contracts.md, section 3."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pydantic import Field, SecretStr

from shared.auth.jwt_config import JwtConfig
from shared.auth.policy import ALGORITHMS, TokenPolicy
from shared.env import EnvSettings

if TYPE_CHECKING:
    from shared.auth.verification_keys import VerificationKey

_CLAIM_NAME = re.compile(r"[!-~]{1,256}", re.ASCII)


class TokenSettings(EnvSettings):
    r"""One key in PEM (where `\n` may stand for a line break) or the URL of a JWK set; authentication is off without.

    `jwt_algorithm` lists the allowed algorithms, comma separated.
    """

    main_service_jwt_public_key: SecretStr | None = None
    main_service_jwks_url: str | None = None
    jwt_algorithm: str = "RS256"
    expected_jwt_issuer: str | None = None
    expected_jwt_audience: str | None = None
    jwt_leeway_seconds: float = Field(default=30.0, ge=0, le=60)
    jwt_tenant_claim: str = "tenant_id"
    jwt_leads_claim: str = "leads"

    @property
    def requires_token(self) -> bool:
        """Whether callers must send a token."""
        return self.main_service_jwt_public_key is not None or self.main_service_jwks_url is not None

    def jwt_config(self) -> JwtConfig | None:
        """Return the JWT configuration, or None if authentication is off."""
        if not self.requires_token:
            return None
        policy = TokenPolicy(
            algorithms=self._algorithms(),
            issuer=self.expected_jwt_issuer or "",
            audience=self.expected_jwt_audience or "",
            leeway=self.jwt_leeway_seconds,
            tenant_claim=self.jwt_tenant_claim,
            leads_claim=self.jwt_leads_claim,
        )
        return JwtConfig(policy=policy, key=self._key(), jwks_url=self.main_service_jwks_url or "")

    def jwt_setting_errors(self) -> Iterator[str]:
        """Yield a message for each fault in these settings, without repeating a key."""
        yield from self._claim_name_errors()
        if not self.requires_token:
            for name in ("expected_jwt_issuer", "expected_jwt_audience"):
                if getattr(self, name) is not None:
                    yield (
                        f"{name.upper()} is set, but no key that tokens could be checked with: "
                        "set MAIN_SERVICE_JWT_PUBLIC_KEY or MAIN_SERVICE_JWKS_URL"
                    )
            return
        for name in ("expected_jwt_issuer", "expected_jwt_audience"):
            if not getattr(self, name):
                yield f"{name.upper()} must be set where tokens are checked"
        yield from self._key_errors()

    def _claim_name_errors(self) -> Iterator[str]:
        unknown = self._algorithms() - ALGORITHMS.keys()
        if unknown or not self._algorithms():
            yield f"JWT_ALGORITHM must be one or more of {', '.join(ALGORITHMS)}, comma separated"
        for name in ("jwt_tenant_claim", "jwt_leads_claim"):
            if _CLAIM_NAME.fullmatch(getattr(self, name)) is None:
                yield f"{name.upper()} is no name of a claim"
        if self.jwt_tenant_claim == self.jwt_leads_claim:
            yield "JWT_TENANT_CLAIM and JWT_LEADS_CLAIM name the same claim"

    def _key_errors(self) -> Iterator[str]:
        if self.main_service_jwt_public_key is not None and self.main_service_jwks_url is not None:
            yield "MAIN_SERVICE_JWT_PUBLIC_KEY and MAIN_SERVICE_JWKS_URL are both set: keep one"
        if self.main_service_jwks_url is not None and not _is_http_url(self.main_service_jwks_url):
            yield "MAIN_SERVICE_JWKS_URL must be an address such as https://login.example.com/.well-known/jwks.json"
        try:
            self._key()
        except ValueError as exc:
            yield f"MAIN_SERVICE_JWT_PUBLIC_KEY {exc}"

    def _algorithms(self) -> frozenset[str]:
        return frozenset(name.strip() for name in self.jwt_algorithm.split(",") if name.strip())

    def _key(self) -> "VerificationKey | None":
        """Read the key; raises ValueError if it is not a public key, or fits no allowed algorithm."""
        if self.main_service_jwt_public_key is None:
            return None
        from shared.auth.verification_keys import key_from_pem  # noqa: PLC0415  # 9 MB, only where there is a key

        pem = self.main_service_jwt_public_key.get_secret_value().replace("\\n", "\n").strip()
        return key_from_pem(pem, self._algorithms() & ALGORITHMS.keys() or ALGORITHMS)


def _is_http_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return (
            parts.scheme in {"http", "https"}
            and bool(parts.hostname)
            and (parts.port or 1) > 0
            and text.isprintable()
            and " " not in text
        )
    except ValueError:
        return False
