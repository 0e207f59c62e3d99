"""The caller of a request: a tenant, and what the token permits there (docs/contracts.md, section 0)."""

from dataclasses import dataclass
from enum import StrEnum

from shared.domain.errors import NotAllowed
from shared.domain.identifiers import DEFAULT_TENANT


def covers_lead(leads: frozenset[str] | None, lead: str | None) -> bool:
    """Whether a caller with these `leads` may see what belongs to `lead`.

    `leads` of None covers every lead; what belongs to no lead is covered for every caller.
    """
    return lead is None or leads is None or lead in leads


class Permission(StrEnum):
    """A permission that a token's `scope` claim may name."""

    AUDIO_WRITE = "audio:write"
    AUDIO_READ = "audio:read"
    EVENTS_READ = "events:read"


ALL_PERMISSIONS = frozenset(Permission)


@dataclass(frozen=True, slots=True)
class Caller:
    """The authenticated or anonymous sender of a request.

    `leads` of None means every lead of the tenant. `subject` is the token's `sub` claim, empty if it has none;
    `expires` is when the token expires, in seconds since the epoch, None for callers without a token.
    """

    tenant: str
    permissions: frozenset[Permission] = ALL_PERMISSIONS
    leads: frozenset[str] | None = None
    subject: str = ""
    expires: float | None = None

    def require(self, permission: Permission) -> None:
        """Raise NotAllowed unless the token covers `permission`."""
        if permission not in self.permissions:
            message = f"The token does not cover this: it needs the scope {permission.value}."
            raise NotAllowed(message, scope=permission.value)

    def require_lead(self, lead: str) -> None:
        """Raise NotAllowed unless the token covers `lead`."""
        if not covers_lead(self.leads, lead):
            raise NotAllowed("The token does not cover this lead.", code="lead_not_allowed")


ANONYMOUS = Caller(DEFAULT_TENANT)
