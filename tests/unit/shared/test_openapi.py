"""The OpenAPI document that is built from routes and their dataclasses."""

from dataclasses import dataclass
from typing import Annotated, Any, cast

import pytest
from openapi_spec_validator import validate
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from shared.domain.caller import Caller, Permission
from shared.domain.errors import ErrorKind, RoomtoneError
from shared.http.api_group import ApiGroup, ApiRoute
from shared.http.fields import Timestamp
from shared.http.operation import FORM, OCTETS, Operation, Parameter, RequestBodySpec, ResponseSpec
from shared.http.paths import ANY_TEXT
from shared.openapi.route import openapi_document
from tests.unit.shared import other_api_group


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a request asks for."""

    place: Annotated[int, Field(ge=0, le=9)]
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """It is stored."""

    status: str = "success"
    at: Timestamp


@dataclass(frozen=True, slots=True, kw_only=True)
class Partly:
    """The note is left out when there is none."""

    size: int
    note: Annotated[str | None, Field(exclude_if=lambda value: value is None)] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A form with a file."""

    part: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Error:
    """The group's error."""

    message: str


GROUP = ApiGroup("Things", lambda _request, error: Error(message=error.message), Error)
ID = Parameter(name="thing_id", where="path", description="Which.", required=True)
STORED = {200: ResponseSpec(description="Done.", model=Stored)}


async def _handler(_request: Request, _caller: Caller) -> Response:
    return Response()


def _route(method: str, operation: Operation, path: str = f"/things/{{thing_id:{ANY_TEXT}}}") -> ApiRoute:
    return GROUP.route(method, path, _handler, required_permission=Permission.AUDIO_WRITE, operation=operation)


def _document(*routes: BaseRoute) -> dict[str, Any]:
    """Return the routes' document, which must be valid."""
    document = cast("dict[str, Any]", openapi_document("Things", routes))
    validate(document)
    return document


def _post(operation: Operation) -> dict[str, Any]:
    found: dict[str, Any] = _document(_route("POST", operation))["paths"]["/things/{thing_id}"]["post"]
    return found


def test_a_request_requires_members_without_a_default_and_a_response_every_member() -> None:
    body = RequestBodySpec(model=Wanted)
    schemas = _document(
        _route("POST", Operation(summary="", parameters=[ID], request_bodies=[body], responses=STORED))
    )["components"]["schemas"]
    assert schemas["Wanted"]["required"] == ["place"]
    assert schemas["Wanted"]["properties"]["place"] == {"type": "integer", "minimum": 0, "maximum": 9}
    assert schemas["Stored"]["required"] == ["status", "at"]
    assert schemas["Stored"]["properties"]["at"] == {"type": "string", "format": "date-time"}
    assert "additionalProperties" not in schemas["Wanted"]


def test_every_operation_has_the_errors_of_tokens_and_of_the_server_with_their_headers() -> None:
    responses = _post(Operation(summary="", parameters=[ID], responses=STORED))["responses"]
    assert set(responses) == {"200", "401", "403", "500", "503"}
    assert responses["401"]["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/Error"}
    assert "WWW-Authenticate" in responses["401"]["headers"]
    assert responses["503"]["headers"]["Retry-After"]["schema"]["type"] == "integer"
    assert all("X-Request-ID" in response["headers"] for response in responses.values())


def test_errors_that_share_a_status_are_one_response_that_describes_both() -> None:
    operation = Operation(
        summary="", parameters=[ID], responses=STORED, errors=[ErrorKind.INVALID, ErrorKind.EMPTY_SESSION]
    )
    response = _post(operation)["responses"]["400"]
    assert "malformed" in response["description"]
    assert "nothing to work on" in response["description"]
    assert response["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/Error"}


def test_errors_of_ranges_and_rate_limits_have_the_headers_that_a_caller_needs() -> None:
    operation = Operation(
        summary="", parameters=[ID], responses=STORED, errors=[ErrorKind.RANGE_NOT_SATISFIABLE, ErrorKind.RATE_LIMITED]
    )
    responses = _post(operation)["responses"]
    assert "Content-Range" in responses["416"]["headers"]
    assert "Retry-After" in responses["429"]["headers"]


def test_a_response_and_an_error_of_one_status_are_alternatives() -> None:
    partly = ResponseSpec(description="Half of it.", model=Stored)
    operation = Operation(summary="", parameters=[ID], responses={409: partly}, errors=[ErrorKind.CONFLICT])
    schema = _post(operation)["responses"]["409"]["content"]["application/json"]["schema"]
    assert schema == {"anyOf": [{"$ref": "#/components/schemas/Stored"}, {"$ref": "#/components/schemas/Error"}]}


def test_bodies_of_one_media_type_are_alternatives_and_a_forms_bytes_are_its_file() -> None:
    bodies = [
        RequestBodySpec(model=Wanted),
        RequestBodySpec(model=Stored),
        RequestBodySpec(model=Sent, media_type=FORM),
    ]
    document = _document(
        _route("POST", Operation(summary="", parameters=[ID], request_bodies=bodies, responses=STORED))
    )
    content = document["paths"]["/things/{thing_id}"]["post"]["requestBody"]["content"]
    assert [one["$ref"] for one in content["application/json"]["schema"]["anyOf"]] == [
        "#/components/schemas/Wanted",
        "#/components/schemas/StoredInput",
    ]
    assert document["components"]["schemas"]["Sent"]["properties"]["part"]["contentMediaType"] == OCTETS


def test_two_groups_may_have_different_dataclasses_of_one_name() -> None:
    document = _document(
        _route("POST", Operation(summary="", parameters=[ID], responses=STORED)), other_api_group.ROUTE
    )
    names = {name for name in document["components"]["schemas"] if name.endswith("Stored")}
    assert len(names) == 2
    assert all(name.isalnum() for name in names)


def test_head_is_described_if_the_operation_has_it_and_has_no_body() -> None:
    document = _document(_route("GET", Operation(summary="", parameters=[ID], responses=STORED, head=True)))
    methods = document["paths"]["/things/{thing_id}"]
    assert set(methods) == {"get", "head"}
    assert not any("content" in response for response in methods["head"]["responses"].values())


def test_an_operation_names_the_scope_it_needs_and_health_needs_none() -> None:
    paths = _document(_route("POST", Operation(summary="", parameters=[ID], responses=STORED)))["paths"]
    assert paths["/things/{thing_id}"]["post"]["security"] == [{"bearer": ["audio:write"]}]
    assert "`audio:write`" in paths["/things/{thing_id}"]["post"]["description"]
    assert "security" not in paths["/health"]["get"]


def test_two_operations_of_one_method_and_path_are_an_error() -> None:
    route = _route("POST", Operation(summary="", parameters=[ID], responses=STORED))
    with pytest.raises(ValueError, match="promised twice"):
        openapi_document("Things", [route, route])


def test_an_error_is_written_as_it_is_described() -> None:
    error = RoomtoneError("No.", code="no")
    error.kind = ErrorKind.NOT_FOUND
    response = GROUP.error_response(Request({"type": "http"}), error)
    assert (response.status_code, response.body) == (404, b'{"message":"No."}')


def test_a_form_shows_its_files_name_and_a_member_that_may_be_left_out_is_not_required() -> None:
    body = RequestBodySpec(model=Sent, media_type=FORM, file_names={"part": "call.wav"})
    responses = {200: ResponseSpec(description="Done.", model=Partly)}
    document = _document(
        _route("POST", Operation(summary="", parameters=[ID], request_bodies=[body], responses=responses))
    )
    content = document["paths"]["/things/{thing_id}"]["post"]["requestBody"]["content"][FORM]
    example = content["encoding"]["part"]["headers"]["Content-Disposition"]["example"]
    assert example == 'form-data; name="part"; filename="call.wav"'
    partly = document["components"]["schemas"]["Partly"]
    assert (partly["required"], partly["properties"]["note"]) == (["size"], {"type": "string"})
