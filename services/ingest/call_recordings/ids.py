"""Ids in the routes of call recordings: a lead's is an identifier, a call log's (and recording's) a UUID."""

import re
from typing import Annotated, Any

from pydantic import Field
from starlette.requests import Request

from shared.domain.errors import InvalidInput
from shared.domain.identifiers import parse_identifier

UUID_SCHEMA = {
    "type": "string",
    "pattern": "^[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}$",
}
CallLogId = Annotated[str, Field(pattern=UUID_SCHEMA["pattern"])]
"""A UUID in any case, as `call_log_id` checks it."""

_UUID = re.compile(UUID_SCHEMA["pattern"].strip("^$"), re.ASCII)


def call_log_id(text: str, what: str = "call_log_id") -> str:
    """Return a call log's UUID in its canonical form, in lower case (RFC 9562, section 4).

    Raises InvalidInput for anything else, braces, `urn:uuid:` and 32 bare digits included, since the id becomes part of
    an object key and of a subject.
    """
    if _UUID.fullmatch(text) is None:
        raise InvalidInput(f"{what} must be a UUID like 123e4567-e89b-12d3-a456-426614174000.", code=f"invalid_{what}")
    return text.lower()


def lead_id(request: Request[Any]) -> str:
    """Return the lead id in a request's path; raises InvalidInput."""
    return parse_identifier(request.path_params["lead_id"], "lead_id")


def recording_id(request: Request[Any]) -> str:
    """Return the recording id in a request's path, which is its call log's id; raises InvalidInput."""
    return call_log_id(request.path_params["recording_id"], "recording_id")
