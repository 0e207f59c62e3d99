"""The JWT configuration of a service, as values made from its settings."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from shared.auth.policy import TokenPolicy

if TYPE_CHECKING:
    from shared.auth.verification_keys import VerificationKey


@dataclass(frozen=True, slots=True, kw_only=True)
class JwksCachePolicy:
    """When a published JWK set is fetched again, in seconds.

    A set older than `refresh_after` is fetched in the background while it is used; if that fails it stays in use until
    it is `usable_for` old. Between two fetches lie at least `min_interval`, however many tokens name unknown keys; a
    key that was published and used within that interval is therefore unknown until the interval ends.
    """

    refresh_after: float = 600.0
    usable_for: float = 24 * 3600.0
    min_interval: float = 10.0
    timeout: float = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class JwtConfig:
    """What a token must contain, and the source of the verification keys: either `key` or `jwks_url`."""

    policy: TokenPolicy
    key: "VerificationKey | None" = None
    jwks_url: str = ""
    cache_policy: JwksCachePolicy = field(default_factory=JwksCachePolicy)
