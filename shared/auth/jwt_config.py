"""How a service checks tokens, as its settings say it."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from shared.auth.policy import TokenPolicy

if TYPE_CHECKING:
    from shared.auth.verification_keys import VerificationKey


@dataclass(frozen=True, slots=True, kw_only=True)
class JwksCachePolicy:
    """When a published set is fetched, in seconds.

    Older than `refresh_after` it is fetched again beside its use; if that fails it serves until `usable_for`.
    Between two fetches lie at least `pause`, however many tokens name keys that nobody has heard of; a key that was
    published and used within one pause is therefore unknown until it ends.
    """

    refresh_after: float = 600.0
    usable_for: float = 24 * 3600.0
    pause: float = 10.0
    timeout: float = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class JwtConfig:
    """What must be in them, and where the keys are, of which there is one place."""

    policy: TokenPolicy
    key: "VerificationKey | None" = None
    keys_url: str = ""
    freshness: JwksCachePolicy = field(default_factory=JwksCachePolicy)
