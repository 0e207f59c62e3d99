"""The OpenAPI 3.1 document of a service, made of what its routes promise and of the types its code uses."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain

from starlette.routing import BaseRoute, WebSocketRoute

from shared.http.operation import Operation, Parameter, RequestBodySpec, ResponseSpec
from shared.http.paths import display_path
from shared.openapi.operations import DescribedOperation, describe_operations
from shared.openapi.schemas import Json, Mode, Schemas
from shared.version import VERSION

_ABOUT = """\
Times are RFC 3339 in UTC, sizes are bytes, JSON is UTF-8; further members may come with any version.
Paths and methods that are not here are answered 404 and 405 as `{"status":"error","message":…}`, in JSON; so is a \
page of a foreign origin that would change something where no token is asked for, with 403; there, on loopback, a \
host name that is not of this machine and not in `ALLOWED_HOSTS`, with 421; a head of over 64 KiB, with 431, one that \
takes longer than 30 seconds, with 408, one without a `Host` or with two, and all else that can't be read as HTTP/1.1, \
with 400; and a `Transfer-Encoding` other than `chunked`, with 501. A wish to upgrade to anything but a WebSocket is \
ignored; of requests that are sent behind each other at most 128 may wait for the answer before theirs. Who goes on \
sending after an answer is listened to for 10 seconds or 32 MiB."""
_RANGE_HEADERS = {"Range", "If-Range"}  # of no meaning for HEAD (RFC 9110, section 14.2)
_OF_RANGES = {"206", "416"}
_BEARER = """\
A JWT signed with one of the algorithms that the server was told to allow. Its `scope` claim names what it covers, \
everything if there is none. A server without a key knows no callers and asks for no token."""
_REQUEST_ID_PARAMETER: Json = {
    "name": "X-Request-ID",
    "in": "header",
    "description": "The caller's name for this request; one is made if there is none, or one that does not fit.",
    "schema": {"type": "string"},
}
_REQUEST_ID_HEADER: Json = {
    "description": "The request's id: in every log line and event that comes of it.",
    "required": True,
    "schema": {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,128}$"},
}
_HEADER_SCHEMAS: Mapping[str, Json] = {
    "Retry-After": {"type": "integer", "minimum": 0},
    "Content-Length": {"type": "integer", "minimum": 0},
}


def build_document(title: str, routes: Sequence[BaseRoute], common: Mapping[str, Operation]) -> Json:
    """Return the document of families' `routes`, and of the `common` ones, which are read with GET, by path.

    Raises ValueError when an operation is promised twice.
    """
    operations = describe_operations(routes, common)
    schemas = Schemas(_kinds(operations))
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": VERSION, "description": _about(routes)},
        "tags": [{"name": tag} for tag in dict.fromkeys(one.tag for one in operations)],
        "paths": _paths(operations, schemas),
        "components": {
            "schemas": schemas.components,
            "parameters": {"RequestId": _REQUEST_ID_PARAMETER},
            "headers": {"RequestId": _REQUEST_ID_HEADER},
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": _BEARER}
            },
        },
    }


def _about(routes: Iterable[BaseRoute]) -> str:
    sockets = sorted({f"`{display_path(route.path)}`" for route in routes if isinstance(route, WebSocketRoute)})
    if not sockets:
        return _ABOUT
    return f"{_ABOUT}\nNot in this document: the WebSocket {', '.join(sockets)}; without an upgrade it answers 426."


def _kinds(operations: Iterable[DescribedOperation]) -> Iterator[tuple[type, Mode]]:
    for one in operations:
        for body in one.operation.request_bodies:
            if body.model is not None:
                yield body.model, "validation"
        for answer in chain(*one.responses.values()):
            if answer.model is not None:
                yield answer.model, "serialization"


def _paths(operations: Iterable[DescribedOperation], schemas: Schemas) -> Json:
    paths: defaultdict[str, dict[str, Json]] = defaultdict(dict)
    for one in operations:
        promised = {one.method: _operation(one, schemas)}
        if one.operation.head:
            promised["head"] = _head(promised[one.method])
        if promised.keys() & paths[one.path].keys():
            raise ValueError(f"{one.method} {one.path} is promised twice")
        paths[one.path].update(promised)
    return dict(paths)


def _operation(one: DescribedOperation, schemas: Schemas) -> Json:
    written: dict[str, object] = {
        "operationId": _id(one),
        "tags": [one.tag],
        "summary": one.operation.summary,
        "description": _description(one),
        "parameters": [*map(_parameter, one.operation.parameters), {"$ref": "#/components/parameters/RequestId"}],
        "responses": {str(status): _response(answers, schemas) for status, answers in one.responses.items()},
    }
    if one.operation.request_bodies:
        written["requestBody"] = {"required": True, "content": _body(one.operation.request_bodies, schemas)}
    if one.required_permission is not None:
        written["security"] = [{"bearer": [one.required_permission.value]}]
    return written


def _head(get: Json) -> Json:
    """Return what HEAD promises where GET promises `get`: the same without bodies (RFC 9110, section 9.3.2)."""
    responses, parameters = get["responses"], get["parameters"]
    assert isinstance(responses, dict)  # noqa: S101  # as written above
    assert isinstance(parameters, list)  # noqa: S101  # likewise
    bare = {
        status: {key: value for key, value in response.items() if key != "content"}
        for status, response in responses.items()
        if status not in _OF_RANGES
    }
    return {
        **get,
        "operationId": str(get["operationId"]).replace("get_", "head_", 1),
        "description": "Answers as GET does, without a body; a range says nothing here.",
        "parameters": [one for one in parameters if one.get("name") not in _RANGE_HEADERS],
        "responses": bare,
    }


def _id(one: DescribedOperation) -> str:
    """Name an operation by its method and path, which no two share: `get_sessions_by_session_id`."""
    words = [part.replace("{", "by_").strip("}") for part in one.path.split("/") if part]
    return "_".join([one.method, *words]).replace("-", "_").replace(".", "_")


def _description(one: DescribedOperation) -> str:
    needs = f"Needs the scope `{one.required_permission.value}`." if one.required_permission else "Open to everyone."
    return "\n\n".join(filter(None, [one.operation.description, needs]))


def _parameter(parameter: Parameter) -> Json:
    return {
        "name": parameter.name,
        "in": parameter.where,
        "description": parameter.description,
        "required": parameter.required,
        "schema": parameter.schema,
    }


def _body(bodies: Iterable[RequestBodySpec], schemas: Schemas) -> Json:
    """Return the content by media type; bodies that share one are alternatives."""
    by_media: defaultdict[str, list[RequestBodySpec]] = defaultdict(list)
    for body in bodies:
        by_media[body.media_type].append(body)
    return {media_type: _media(found, schemas) for media_type, found in by_media.items()}


def _media(bodies: Sequence[RequestBodySpec], schemas: Schemas) -> Json:
    schema = _any_of([schemas.of(body.model, "validation") if body.model else body.schema or {} for body in bodies])
    if fields := {name: kind for one in _many(schema) for name, kind in _fields(one).items()}:
        schema = {"type": "object", "properties": fields, **schema}  # whoever writes forms needs to know all of these
    names = {field: name for body in bodies for field, name in body.file_names.items()}
    encoding = {field: _part(field, name) for field, name in names.items()}
    return {"schema": schema, **({"encoding": encoding} if encoding else {})}


def _many(schema: Json) -> Sequence[Json]:
    alternatives = schema.get("anyOf", ())
    assert isinstance(alternatives, Sequence)  # noqa: S101  # as written below
    return alternatives


def _fields(schema: Json) -> Json:
    properties = schema.get("properties", {})
    assert isinstance(properties, Mapping)  # noqa: S101  # JSON Schema, Core, section 10.3.2.1
    return properties


def _part(field: str, name: str) -> Json:
    """Describe the head of a form's part that holds a file (RFC 7578, section 4.2)."""
    example = f'form-data; name="{field}"; filename="{name}"'
    return {"headers": {"Content-Disposition": {"schema": {"type": "string"}, "example": example}}}


def _response(answers: Sequence[ResponseSpec], schemas: Schemas) -> Json:
    """Return one status' response; answers that share it are alternatives, and promise the headers all of them have."""
    names = set.intersection(*(set(answer.headers) for answer in answers))
    headers = {name: _header(name, says) for name, says in answers[0].headers.items() if name in names}
    content: defaultdict[str, list[Json]] = defaultdict(list)
    for answer in answers:
        if answer.media_type is not None:
            content[answer.media_type].append(schemas.of(answer.model, "serialization") if answer.model else {})
    return {
        "description": "\n\n".join(dict.fromkeys(answer.description for answer in answers)),
        "headers": {"X-Request-ID": {"$ref": "#/components/headers/RequestId"}, **headers},
        **({"content": {media: {"schema": _any_of(found)} for media, found in content.items()}} if content else {}),
    }


def _header(name: str, says: str) -> Json:
    return {"description": says, "required": True, "schema": _HEADER_SCHEMAS.get(name, {"type": "string"})}


def _any_of(schemas: Sequence[Json]) -> Json:
    distinct = [schema for place, schema in enumerate(schemas) if schema not in schemas[:place]]
    return distinct[0] if len(distinct) == 1 else {"anyOf": distinct}
