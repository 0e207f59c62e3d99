"""What is published of the HTTP side: valid, complete, and what the code says today."""

import json
import tomllib
from collections.abc import Iterator
from typing import Any, cast

import httpx
import pytest
from openapi_spec_validator import validate
from starlette.routing import Route, WebSocketRoute

from deploy.docs.documents import OPENAPI_FILE, combined_document, openapi_file_content, unconfigured_services
from shared.http.api_group import ApiRoute
from shared.openapi.route import openapi_document
from shared.runtime.service import Service
from shared.version import VERSION
from tests.e2e.one_machine import OneMachine

SERVICES = ["ingest", "assembler", "analyzer", "notifier"]


def _service(name: str) -> Service:
    return next(service for service in unconfigured_services() if service.name == name)


@pytest.mark.parametrize("name", SERVICES)
def test_each_services_document_is_valid(name: str) -> None:
    validate(cast("dict[Any, Any]", openapi_document(name, _service(name).routes)))


def test_the_combined_document_is_valid_and_has_every_operation_of_every_service() -> None:
    whole = cast("dict[Any, Any]", combined_document())
    validate(whole)
    for name in SERVICES:
        for path, methods in cast("dict[str, Any]", openapi_document(name, _service(name).routes)["paths"]).items():
            assert whole["paths"][path].keys() >= methods.keys()


def _undescribed(service: Service) -> Iterator[str]:
    """Yield the plain HTTP routes, except the 426 beside a WebSocket and further paths of described operations."""
    sockets = {route.path for route in service.routes if isinstance(route, WebSocketRoute)}
    promised = {route.endpoint for route in service.routes if isinstance(route, ApiRoute)}
    for route in service.routes:
        if isinstance(route, ApiRoute | WebSocketRoute):
            continue
        assert isinstance(route, Route)
        if route.path not in sockets and route.endpoint not in promised:
            yield route.path


@pytest.mark.parametrize("name", SERVICES)
def test_no_route_of_a_service_is_left_out_of_its_document(name: str) -> None:
    service = _service(name)
    assert list(_undescribed(service)) == []
    beside = {route.path for route in service.app.routes if isinstance(route, Route)} - {
        route.path for route in service.routes if isinstance(route, Route)
    }
    assert beside <= cast("dict[str, Any]", openapi_document(name, service.routes)["paths"]).keys()


@pytest.mark.parametrize("name", SERVICES)
async def test_each_service_serves_its_document_without_a_token(name: str) -> None:
    service = _service(name)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(service.app), base_url="http://localhost") as client:
        served = await client.get("/openapi.json")
    assert (served.status_code, served.headers["content-type"]) == (200, "application/json")
    assert served.json() == json.loads(json.dumps(openapi_document(f"Roomtone: {name}", service.routes)))


async def test_the_one_machine_form_serves_the_document_that_is_in_docs(machine: OneMachine) -> None:
    async with httpx.AsyncClient(base_url=machine.address) as client:
        served = await client.get("/openapi.json")
    assert served.json() == json.loads(OPENAPI_FILE.read_text())


def test_what_is_in_docs_is_what_the_code_says_run_make_docs_if_not() -> None:
    assert OPENAPI_FILE.read_text() == openapi_file_content()


def test_the_version_is_the_projects() -> None:
    project = tomllib.loads((OPENAPI_FILE.parents[1] / "pyproject.toml").read_text())
    assert project["project"]["version"] == VERSION
