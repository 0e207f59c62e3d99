"""NATS subjects and filters of events: `roomtone.v1.<tenant>.<session>.<event>` (docs/contracts.md, section 7).

Those of dead letters are `roomtone-dead.v1.<queue>.<tenant>.<session>.<letter>`.
"""

from shared.domain.identifiers import SessionKey

PREFIX = "roomtone.v1"

STREAM = "ROOMTONE"
"""The stream of all events but progress; each is synced to the disks before it is confirmed."""

STORED_EVENTS = tuple(
    f"{PREFIX}.*.*.{family}.>"
    for family in ("session", "document", "audio", "analysis", "temperature", "alert", "webhook")
)
"""The subjects of `STREAM`, by the first words of the events' names."""

PROGRESS_STREAM = "ROOMTONE_PROGRESS"
PROGRESS_EVENTS = (f"{PREFIX}.*.*.chunk.>",)
"""The subjects of progress: a stream in memory has them for some minutes, and nothing waits for them."""

DEAD_STREAM = "ROOMTONE_DEAD"
_DEAD_PREFIX = "roomtone-dead.v1"
DEAD_LETTERS = f"{_DEAD_PREFIX}.>"


def event_subject(key: SessionKey, event: str) -> str:
    """Return the subject of one session's event; identifiers hold no dot, so tokens never shift."""
    return f"{PREFIX}.{key.tenant}.{key.session}.{event}"


def event_filter(event: str) -> str:
    """Return the filter that matches `event` of every session of every tenant."""
    return f"{PREFIX}.*.*.{event}"


def session_filter(key: SessionKey) -> str:
    """Return the filter that matches every event of one session."""
    return f"{PREFIX}.{key.tenant}.{key.session}.>"


def dead_letter_subject(queue: str, key: SessionKey, letter: str) -> str:
    """Return the subject that a queue's dead letter is stored on."""
    return f"{_DEAD_PREFIX}.{queue}.{key.tenant}.{key.session}.{letter}"


def dead_letters_of_queue(queue: str) -> str:
    """Return the filter that matches every dead letter of one queue."""
    return f"{_DEAD_PREFIX}.{queue}.>"


def dead_letters_of_session(key: SessionKey) -> str:
    """Return the filter that matches the dead letters of one session in every queue."""
    return f"{_DEAD_PREFIX}.*.{key.tenant}.{key.session}.>"
