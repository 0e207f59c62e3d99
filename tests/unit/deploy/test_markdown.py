"""The readable rendering of an OpenAPI document, on a small one."""

from typing import Any

from deploy.docs.examples import example
from deploy.docs.markdown import markdown

_THING = {
    "type": "object",
    "description": "A thing.",
    "required": ["session_id"],
    "properties": {
        "session_id": {"type": "string", "pattern": "^(a|b)$"},
        "size": {"type": "integer", "minimum": 0, "maximum": 9},
        "inner": {"anyOf": [{"$ref": "#/components/schemas/Inner"}, {"type": "null"}]},
    },
}
_INNER = {"type": "object", "properties": {"at": {"type": "string", "format": "date-time"}}}
_COMPONENTS = {"Thing": _THING, "Inner": _INNER}
_ANSWER = {
    "description": "Here it is.\n\nNot quite.",
    "headers": {"X-Request-ID": {}, "Retry-After": {}},
    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}},
}
_OPERATION = {
    "tags": ["Things"],
    "summary": "Get one",
    "description": "Open to everyone.",
    "parameters": [
        {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}, "description": "This | that."}
    ],
    "responses": {"200": _ANSWER},
}
_DOCUMENT: dict[str, Any] = {
    "info": {"version": "1", "description": "About."},
    "tags": [{"name": "Things"}],
    "paths": {"/things/{id}": {"get": _OPERATION}},
    "components": {"schemas": _COMPONENTS},
}


def test_an_operation_is_a_heading_with_tables_and_an_example() -> None:
    page = markdown(_DOCUMENT)
    assert "## Things\n\n### GET /things/{id}\n\nGet one. Open to everyone." in page
    assert "| `id` | path | string | yes | This \\| that. |" in page
    assert "| 200 | Here it is. Or: Not quite. With `Retry-After`. | [Thing](#thing) |" in page
    assert '"session_id": "call-7"' in page


def test_a_shape_tells_types_limits_and_what_is_required() -> None:
    page = markdown(_DOCUMENT)
    assert "### Thing\n\nA thing." in page
    assert "| `session_id` | `^(a\\|b)$` | yes |  |" in page
    assert "| `size` | integer, 0 to 9 |  |  |" in page
    assert "| `inner` | [Inner](#inner) or null |  |  |" in page


def test_an_example_has_every_member() -> None:
    found = example({"$ref": "#/components/schemas/Thing"}, _COMPONENTS)
    assert found == {"session_id": "call-7", "size": 1, "inner": {"at": "2025-01-27T12:34:56Z"}}
