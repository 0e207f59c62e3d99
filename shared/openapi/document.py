"""Builds the OpenAPI 3.1 document of a service from its routes' operations and the dataclasses that its code uses."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain

from starlette.routing import BaseRoute, WebSocketRoute

from shared.http.operation import Operation, Parameter, RequestBodySpec, ResponseSpec
from shared.http.paths import display_path
from shared.openapi.operations import DescribedOperation, describe_operations
from shared.openapi.schemas import Json, Mode, Schemas
from shared.version import VERSION

_DESCRIPTION = """\
Times are RFC 3339 in UTC, sizes are bytes, JSON is UTF-8; further members may come with any version.
Paths that are not here are answered 404 as `{"status":"error","message":…}`, \
below `/v1/` as OpenAI writes errors, in JSON, and methods 405 in the form of their path's errors. So is a \
page of a foreign origin that would change something where no token is asked for, with 403; there, on loopback, a \
host name that is not of this machine and not in `ALLOWED_HOSTS`, with 421; a head of over 64 KiB, with 431, one that \
takes longer than 30 seconds, with 408, one without a `Host` or with two, and all else that can't be read as HTTP/1.1, \
with 400; and a `Transfer-Encoding` other than `chunked`, with 501. A wish to upgrade to anything but a WebSocket is \
ignored; of requests that are sent behind each other at most 128 may wait for the answer before theirs. Who goes on \
sending after an answer is listened to for 10 seconds or 32 MiB."""
_RANGE_HEADERS = {"Range", "If-Range"}  # ignored for HEAD (RFC 9110, section 14.2)
_RANGE_STATUSES = {"206", "416"}
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
    """Return the document of the API groups' `routes` and of the `common` GET operations, given by path.

    Raises ValueError if an operation occurs twice.
    """
    operations = describe_operations(routes, common)
    schemas = Schemas(_models(operations))
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": VERSION, "description": _document_description(routes)},
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


def _document_description(routes: Iterable[BaseRoute]) -> str:
    sockets = sorted({f"`{display_path(route.path)}`" for route in routes if isinstance(route, WebSocketRoute)})
    if not sockets:
        return _DESCRIPTION
    return (
        f"{_DESCRIPTION}\nNot in this document: the WebSocket {', '.join(sockets)}; without an upgrade it answers 426."
    )


def _models(operations: Iterable[DescribedOperation]) -> Iterator[tuple[type, Mode]]:
    for one in operations:
        for body in one.operation.request_bodies:
            if body.model is not None:
                yield body.model, "validation"
        for response in chain(*one.responses.values()):
            if response.model is not None:
                yield response.model, "serialization"


def _paths(operations: Iterable[DescribedOperation], schemas: Schemas) -> Json:
    paths: defaultdict[str, dict[str, Json]] = defaultdict(dict)
    for one in operations:
        by_method = {one.method: _operation(one, schemas)}
        if one.operation.head:
            by_method["head"] = _head(by_method[one.method])
        if by_method.keys() & paths[one.path].keys():
            raise ValueError(f"{one.method} {one.path} is promised twice")
        paths[one.path].update(by_method)
    return dict(paths)


def _operation(one: DescribedOperation, schemas: Schemas) -> Json:
    operation: dict[str, object] = {
        "operationId": _operation_id(one),
        "tags": [one.tag],
        "summary": one.operation.summary,
        "description": _description(one),
        "parameters": [*map(_parameter, one.operation.parameters), {"$ref": "#/components/parameters/RequestId"}],
        "responses": {str(status): _response(specs, schemas) for status, specs in one.responses.items()},
    }
    if one.operation.request_bodies:
        operation["requestBody"] = {"required": True, "content": _body(one.operation.request_bodies, schemas)}
    if one.required_permission is not None:
        operation["security"] = [{"bearer": [one.required_permission.value]}]
    return operation


def _head(get: Json) -> Json:
    """Return the HEAD operation that belongs to a GET operation: the same without bodies (RFC 9110, section 9.3.2)."""
    responses, parameters = get["responses"], get["parameters"]
    assert isinstance(responses, dict)  # noqa: S101  # as made by `_operation`
    assert isinstance(parameters, list)  # noqa: S101  # likewise
    without_bodies = {
        status: {key: value for key, value in response.items() if key != "content"}
        for status, response in responses.items()
        if status not in _RANGE_STATUSES
    }
    return {
        **get,
        "operationId": str(get["operationId"]).replace("get_", "head_", 1),
        "description": "Answers as GET does, without a body; a range says nothing here.",
        "parameters": [one for one in parameters if one.get("name") not in _RANGE_HEADERS],
        "responses": without_bodies,
    }


def _operation_id(one: DescribedOperation) -> str:
    """Return the id of an operation, unique as made of its method and path: `get_sessions_by_session_id`."""
    words = [part.replace("{", "by_").strip("}") for part in one.path.split("/") if part]
    return "_".join([one.method, *words]).replace("-", "_").replace(".", "_")


def _description(one: DescribedOperation) -> str:
    scope = f"Needs the scope `{one.required_permission.value}`." if one.required_permission else "Open to everyone."
    return "\n\n".join(filter(None, [one.operation.description, scope]))


def _parameter(parameter: Parameter) -> Json:
    return {
        "name": parameter.name,
        "in": parameter.where,
        "description": parameter.description,
        "required": parameter.required,
        "schema": parameter.schema,
    }


def _body(bodies: Iterable[RequestBodySpec], schemas: Schemas) -> Json:
    """Return the content by media type; bodies of one media type are alternatives."""
    by_media_type: defaultdict[str, list[RequestBodySpec]] = defaultdict(list)
    for body in bodies:
        by_media_type[body.media_type].append(body)
    return {media_type: _media_type(found, schemas) for media_type, found in by_media_type.items()}


def _media_type(bodies: Sequence[RequestBodySpec], schemas: Schemas) -> Json:
    schema = _any_of([schemas.of(body.model, "validation") if body.model else body.schema or {} for body in bodies])
    if fields := {name: kind for one in _alternatives(schema) for name, kind in _fields(one).items()}:
        schema = {"type": "object", "properties": fields, **schema}  # clients that write forms need all fields at once
    file_names = {field: name for body in bodies for field, name in body.file_names.items()}
    encoding = {field: _file_part(field, name) for field, name in file_names.items()}
    return {"schema": schema, **({"encoding": encoding} if encoding else {})}


def _alternatives(schema: Json) -> Sequence[Json]:
    alternatives = schema.get("anyOf", ())
    assert isinstance(alternatives, Sequence)  # noqa: S101  # as made by `_any_of`
    return alternatives


def _fields(schema: Json) -> Json:
    properties = schema.get("properties", {})
    assert isinstance(properties, Mapping)  # noqa: S101  # JSON Schema, Core, section 10.3.2.1
    return properties


def _file_part(field: str, name: str) -> Json:
    """Return the encoding object of a form's file part (RFC 7578, section 4.2)."""
    example = f'form-data; name="{field}"; filename="{name}"'
    return {"headers": {"Content-Disposition": {"schema": {"type": "string"}, "example": example}}}


def _response(specs: Sequence[ResponseSpec], schemas: Schemas) -> Json:
    """Return the response of one status; several `specs` are alternatives, and the headers that all have are listed."""
    names = set.intersection(*(set(spec.headers) for spec in specs))
    headers = {name: _header(name, description) for name, description in specs[0].headers.items() if name in names}
    content: defaultdict[str, list[Json]] = defaultdict(list)
    for spec in specs:
        if spec.media_type is not None:
            content[spec.media_type].append(schemas.of(spec.model, "serialization") if spec.model else {})
    return {
        "description": "\n\n".join(dict.fromkeys(spec.description for spec in specs)),
        "headers": {"X-Request-ID": {"$ref": "#/components/headers/RequestId"}, **headers},
        **({"content": {media: {"schema": _any_of(found)} for media, found in content.items()}} if content else {}),
    }


def _header(name: str, description: str) -> Json:
    return {"description": description, "required": True, "schema": _HEADER_SCHEMAS.get(name, {"type": "string"})}


def _any_of(schemas: Sequence[Json]) -> Json:
    distinct = [schema for index, schema in enumerate(schemas) if schema not in schemas[:index]]
    return distinct[0] if len(distinct) == 1 else {"anyOf": distinct}
