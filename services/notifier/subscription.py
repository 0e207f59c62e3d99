"""A listener's filter on events, and how it is parsed from the query of `/notify`."""

from collections.abc import Iterable
from dataclasses import dataclass

from services.notifier.frames import DEFAULT_EVENT_NAMES, EVENT_NAMES
from shared.domain.caller import covers_lead
from shared.domain.errors import InvalidInput
from shared.domain.identifiers import SessionKey, parse_identifier

MAX_SESSIONS = 100

_TOKEN_NAMES = {"token", "access_token", "id_token", "authorization", "bearer", "jwt"}


@dataclass(frozen=True, slots=True)
class Subscription:
    """A filter on events; `sessions` of None means every session of the tenant, `leads` of None every lead of it."""

    tenant: str
    sessions: frozenset[str] | None = None
    events: frozenset[str] = DEFAULT_EVENT_NAMES
    leads: frozenset[str] | None = None

    def wants(self, key: SessionKey, event: str, lead: str | None) -> bool:
        """Whether an event of this session, with this name and lead (None for no lead), passes the filter."""
        return (
            key.tenant == self.tenant
            and covers_lead(self.leads, lead)
            and event in self.events
            and (self.sessions is None or key.session in self.sessions)
        )


def parse_subscription(query: Iterable[tuple[str, str]], *, tenant: str, leads: frozenset[str] | None) -> Subscription:
    """Parse `session_id` (repeatable, 100 at most) and `events` (comma-separated) from a query's pairs.

    Other names are ignored. Raises InvalidInput for an invalid value, and for `since`, which this version does not
    support.
    """
    pairs = list(query)
    if any(name.lower() == "since" for name, _ in pairs):
        raise InvalidInput(
            "since is not supported yet: connect without it, and ask GET /sessions/<id> for what happened before.",
            code="since_not_supported",
        )
    return Subscription(
        tenant,
        _sessions([value for name, value in pairs if name == "session_id"]),
        _events([value for name, value in pairs if name == "events"]),
        leads,
    )


def reject_url_tokens(query: Iterable[tuple[str, str]]) -> None:
    """Raise InvalidInput for a token in the URL, valid or not: it is never read."""
    if any(name.lower() in _TOKEN_NAMES for name, _ in query):
        raise InvalidInput(
            "A token has no place in a URL, which ends up in logs and histories: "
            "send it as the Authorization header or as the subprotocols roomtone, bearer.<JWT>.",
            code="token_in_url",
        )


def _sessions(values: list[str]) -> frozenset[str] | None:
    if not values:
        return None
    if len(values) > MAX_SESSIONS:
        raise InvalidInput(f"At most {MAX_SESSIONS} session_id values a connection.", code="too_many_sessions")
    return frozenset(parse_identifier(value, "session_id") for value in values)


def _events(values: list[str]) -> frozenset[str]:
    if not values:
        return DEFAULT_EVENT_NAMES
    names = frozenset(name.strip() for value in values for name in value.split(","))
    if not names <= EVENT_NAMES:
        raise InvalidInput(f"events must be some of {', '.join(sorted(EVENT_NAMES))}.", code="unknown_event")
    return names
