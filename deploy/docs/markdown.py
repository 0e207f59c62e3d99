"""A document of OpenAPI 3.1 as pages for people: a section for each family, a heading for each operation."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from deploy.docs.examples import Schema, example, resolved

Document = Mapping[str, Any]

_HEAD = """\
# HTTP API

<!-- Written by `make docs` out of the types that the code uses: change those. -->

"""


def markdown(document: Document) -> str:
    """Return the page, with one line break at its end."""
    return _HEAD + "\n".join(_lines(document)) + "\n"


def _lines(document: Document) -> Iterator[str]:
    components = document["components"]["schemas"]
    version = document["info"]["version"]
    yield f"Version {version}; as data: [openapi.json](openapi.json), and `/openapi.json` of every running service."
    yield ""
    yield document["info"]["description"]
    for tag in document["tags"]:
        operations = list(_of_tag(document, tag["name"]))
        yield from ["", f"## {tag['name']}", *_error(operations[0][1], components)]
        for title, operation in operations:
            yield from ["", *_operation(title, operation, components)]
    yield from ["", "## Shapes"]
    for name, shape in components.items():
        yield from ["", f"### {name}", "", _sentence(shape), *_members(shape)]


def _of_tag(document: Document, tag: str) -> Iterator[tuple[str, Document]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if tag in operation["tags"]:
                yield f"{method.upper()} {path}", operation


def _error(operation: Document, components: Schema) -> Iterator[str]:
    """Show what a family's refusals look like, by the one that all its operations have."""
    for content in operation["responses"].get("401", {}).get("content", {}).values():
        yield from _json("An error looks like this:", example(content["schema"], components))


def _operation(title: str, operation: Document, components: Schema) -> Iterator[str]:
    yield from [f"### {title}", "", f"{operation['summary']}. {operation['description']}"]
    yield from _parameters([one for one in operation["parameters"] if "$ref" not in one])
    for media, content in operation.get("requestBody", {}).get("content", {}).items():
        yield from _body(media, content["schema"], components)
    yield from ["", "| status | meaning | body |", "|---|---|---|"]
    for status, response in operation["responses"].items():
        yield f"| {status} | {_cell(_meaning(response))} | {_cell(_shapes(response))} |"
    for status, response in operation["responses"].items():
        for media, content in response.get("content", {}).items():
            if status.startswith("2") and media == "application/json" and content["schema"]:
                yield from _json(f"{status} looks like this:", example(content["schema"], components))


def _parameters(parameters: Sequence[Document]) -> Iterator[str]:
    if not parameters:
        return
    yield from ["", "| parameter | in | type | required | meaning |", "|---|---|---|---|---|"]
    for one in parameters:
        required = "yes" if one["required"] else ""
        kind, says = _cell(_type(one["schema"])), _cell(one["description"])
        yield f"| `{one['name']}` | {one['in']} | {kind} | {required} | {says} |"


def _body(media: str, schema: Schema, components: Schema) -> Iterator[str]:
    for alternative in schema.get("anyOf", [schema]):
        shape = resolved(alternative, components)
        says = _sentence(shape) or ("" if "properties" in shape else "The bytes as they are.")
        yield from ["", f"Body as `{media}`{': ' * bool(says)}{says}", *_members(shape)]
        if media == "application/json":
            yield from _json("", example(alternative, components))


def _members(shape: Schema) -> Iterator[str]:
    if "properties" not in shape:
        return
    yield from ["", "| member | type | required | meaning |", "|---|---|---|---|"]
    for name, member in shape["properties"].items():
        required = "yes" if name in shape.get("required", ()) else ""
        yield f"| `{name}` | {_cell(_type(member))} | {required} | {_cell(member.get('description', ''))} |"


def _sentence(shape: Schema) -> str:
    return " ".join(str(shape.get("description", "")).split())


def _json(lead: str, value: object) -> Iterator[str]:
    yield from ["", *([lead, ""] if lead else []), "```json", json.dumps(value, indent=2, ensure_ascii=False), "```"]


def _meaning(response: Document) -> str:
    headers = [f"`{name}`" for name in response["headers"] if name != "X-Request-ID"]
    with_headers = f" With {', '.join(headers)}." if headers else ""
    return str(response["description"]).replace("\n\n", " Or: ") + with_headers


def _shapes(response: Document) -> str:
    return ", ".join(
        _type(content["schema"]) if content["schema"] else f"`{media}`"
        for media, content in response.get("content", {}).items()
    )


def _type(schema: Schema) -> str:  # noqa: C901  # one case a shape
    """Name a schema's type in a few words."""
    match schema:
        case {"$ref": str(reference)}:
            name = reference.rpartition("/")[2]
            return f"[{name}](#{name.lower()})"
        case {"anyOf": [*many]} | {"oneOf": [*many]}:
            return " or ".join(dict.fromkeys(_type(one) for one in many))
        case {"const": value}:
            return f"`{json.dumps(value)}`"
        case {"enum": [*values]}:
            return " or ".join(f"`{json.dumps(value)}`" for value in values)
        case {"contentMediaType": _}:
            return "file"
        case {"type": "array", "items": items}:
            return f"list of {_type(items)}"
        case {"format": form, "type": _}:
            return str(form)
        case {"pattern": str(pattern)}:
            return f"`` {pattern} ``" if "`" in pattern else f"`{pattern}`"
        case {"type": "integer", "minimum": low, "maximum": high}:
            return f"integer, {low} to {high}"
        case {"type": "integer", "minimum": low}:
            return f"integer, {low} or more"
        case _:
            return str(schema.get("type", "anything"))


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
