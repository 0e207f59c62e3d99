"""The trace of a request: its request id and W3C trace context, from its headers to the events it leads to."""

import re
import secrets
from contextvars import ContextVar
from dataclasses import dataclass

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}", re.ASCII)
_TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Trace:
    """A request id and a W3C `traceparent` (https://www.w3.org/TR/trace-context/#traceparent-header)."""

    request_id: str
    traceparent: str

    @property
    def trace_id(self) -> str:
        """The trace id in the `traceparent`: 32 hexadecimal digits that all spans of the trace share."""
        return self.traceparent[3:35]


def new_trace(request_id: str | None = None, traceparent: str | None = None) -> Trace:
    """Return a trace of the caller's headers; a missing or malformed one is replaced by random digits."""
    digits = secrets.token_hex(40)  # of all three ids: the kernel is asked once
    if request_id is None or _REQUEST_ID.fullmatch(request_id) is None:
        request_id = digits[:32]
    if traceparent is None or not _valid(traceparent):
        traceparent = f"00-{digits[32:64]}-{digits[64:]}-01"
    return Trace(request_id, traceparent)


def _valid(traceparent: str) -> bool:
    match = _TRACEPARENT.fullmatch(traceparent)
    return match is not None and match[1] != "0" * 32 and match[2] != "0" * 16


_current: ContextVar[Trace | None] = ContextVar("roomtone_trace", default=None)


def current_trace() -> Trace:
    """Return the trace of the running task, which gets a new one if no request started it."""
    trace = _current.get()
    if trace is None:
        trace = new_trace()
        _current.set(trace)
    return trace


def current_trace_or_none() -> Trace | None:
    """Return the trace of the running task, or None if no request started it."""
    return _current.get()


def set_current_trace(trace: Trace) -> None:
    """Set the trace of the running task, which its later log lines and events have."""
    _current.set(trace)
