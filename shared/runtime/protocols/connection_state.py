"""States of an HTTP/1.1 connection, and the search for a token in a head that is not complete."""

from enum import Enum, auto


class ConnectionState(Enum):
    """What the next bytes of an HTTP/1.1 connection belong to.

    From               Event                                                        To
    BETWEEN_REQUESTS   first byte of a request line                                 READING_HEAD
                       `head_seconds` after empty lines, or after the start         closed
                       `timeout_keep_alive` after a response, with nothing more     closed
    READING_HEAD       head complete                                                READING_BODY
                       head complete, with an upgrade to WebSocket                  UPGRADED
                       head complete, with any other upgrade                        IGNORING_UPGRADE
    IGNORING_UPGRADE   same head again, its Upgrade header taken out                READING_HEAD
    READING_BODY       body complete                                                BETWEEN_REQUESTS
                       response complete, and the connection persists               DRAINING
                       response complete, and it is the connection's last           DRAINING_LAST
    DRAINING           body complete                                                BETWEEN_REQUESTS
                       malformed body, `drain_bytes` or `drain_seconds` exceeded    closed
    DRAINING_LAST      body complete, or as in DRAINING                             closed
    REJECTED           `drain_bytes` or `drain_seconds` exceeded                    closed
    any but draining   malformed, too long or too slow: error response sent         REJECTED
                       the same, with the response to a request outstanding         closed
    any                the peer sends nothing more (EOF), or has disconnected       closed

    A request without a body goes through READING_BODY within the same read. Requests are read while earlier ones are
    still processed (pipelining), so a state says nothing of responses, save the draining ones, in which bytes are read
    and dropped. In DRAINING_LAST and REJECTED our side of the connection is shut down; in REJECTED bytes are
    no longer parsed. UPGRADED is final: the WebSocket protocol has the connection.
    """

    BETWEEN_REQUESTS = auto()
    READING_HEAD = auto()
    READING_BODY = auto()
    DRAINING = auto()
    DRAINING_LAST = auto()
    REJECTED = auto()
    IGNORING_UPGRADE = auto()
    UPGRADED = auto()

    @property
    def drains(self) -> bool:
        """Whether bytes are read only so that the peer can read its response."""
        return self in (ConnectionState.DRAINING, ConnectionState.DRAINING_LAST, ConnectionState.REJECTED)


_TOKEN_HEADER = b"\nauthorization:"


class TokenSearch:
    """Looks for an Authorization header in a head that arrives in several reads, also where a read divides its name."""

    def __init__(self) -> None:
        self.found = False
        self._end_of_last = b""

    def restart(self) -> None:
        """Begin with a new head."""
        self.found = False

    def feed(self, data: bytes | memoryview) -> None:
        """Search one read."""
        self.found = self.found or _TOKEN_HEADER in (self._end_of_last + data).lower()
        self._end_of_last = bytes(data[-len(_TOKEN_HEADER) :])
