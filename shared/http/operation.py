"""What a route takes and answers, as data: the published description is made of it (OpenAPI 3.1)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from shared.domain.errors import ErrorKind
from shared.http.responses import JSON

OCTETS = "application/octet-stream"
FORM = "multipart/form-data"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A value in the path, query or headers; `schema` is JSON Schema."""

    name: str
    where: Literal["path", "query", "header"]
    description: str
    schema: Mapping[str, object] = field(default_factory=lambda: {"type": "string"})
    required: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestBodySpec:
    """A request's body under one media type: a dataclass for JSON and for a form's fields, or plain JSON Schema.

    Fields of type `bytes` in a form are its files; `file_names` has an example of a name where the name matters.
    """

    model: type | None = None
    schema: Mapping[str, object] | None = None
    media_type: str = JSON
    file_names: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseSpec:
    """One answer; `kind` is the dataclass it is written from, None for bytes under `media_type` or nothing without one.

    `headers` are those that always come with it, each with what it says.
    """

    description: str
    model: type | None = None
    media_type: str | None = JSON
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One route's promise; `refusals` are the branches of the error tree it may answer with, in its family's shape.

    What every route may answer (no good token, a fault of the server) needs no mention. `alternatives` are further
    answers under a status that `answers` has already. `head` promises HEAD, too.
    """

    summary: str
    description: str = ""
    parameters: Sequence[Parameter] = ()
    request_bodies: Sequence[RequestBodySpec] = ()
    responses: Mapping[int, ResponseSpec]
    extra_responses: Sequence[tuple[int, ResponseSpec]] = ()
    errors: Sequence[ErrorKind] = ()
    head: bool = False
