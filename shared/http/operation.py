"""Requests and responses of a route as data, from which the OpenAPI 3.1 document is generated."""

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
    """A request body of one media type: `model` is the dataclass of JSON or of a form's fields, `schema` JSON Schema.

    A form's fields of type `bytes` are files; `file_names` has an example of a file name where the name matters.
    """

    model: type | None = None
    schema: Mapping[str, object] | None = None
    media_type: str = JSON
    file_names: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseSpec:
    """One response; `model` is the dataclass of its JSON. Without one it is bytes of `media_type`, or empty if None.

    `headers` are those that the response always has, each with its description.
    """

    description: str
    model: type | None = None
    media_type: str | None = JSON
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One route's operation; `errors` are the kinds of errors that it may return, in its API group's body.

    Errors that every route may return (no valid token, a fault of the server) are added to all. `extra_responses` are
    further responses with a status that `responses` has already. `head` documents HEAD, too.
    """

    summary: str
    description: str = ""
    parameters: Sequence[Parameter] = ()
    request_bodies: Sequence[RequestBodySpec] = ()
    responses: Mapping[int, ResponseSpec]
    extra_responses: Sequence[tuple[int, ResponseSpec]] = ()
    errors: Sequence[ErrorKind] = ()
    head: bool = False
