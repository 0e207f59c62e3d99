"""Answers in JSON, written from the same types that the published description is made of."""

from collections.abc import Mapping

from pydantic import TypeAdapter
from starlette.responses import Response

JSON = "application/json"


_ADAPTERS: dict[object, TypeAdapter[object]] = {}


def adapter_of(kind: type) -> TypeAdapter[object]:
    """Return what reads and writes values of a dataclass; made once for each, of which there are a few dozen."""
    adapter = _ADAPTERS.get(kind)
    if adapter is None:
        adapter = _ADAPTERS[kind] = TypeAdapter(kind)
    return adapter


def answer(body: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Write a dataclass as a JSON answer."""
    content = adapter_of(type(body)).dump_json(body)
    return Response(content, status, headers, media_type=JSON)
