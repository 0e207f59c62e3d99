"""uvicorn's private API is used in shared/runtime/protocols alone, and listed there."""

import ast
import asyncio
import importlib
import inspect
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from textwrap import dedent

import pytest
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.server import ServerProtocol

from shared.runtime import protocols

CLASSES: dict[str, type] = {
    kind.__name__: kind
    for kind in (HttpToolsProtocol, RequestResponseCycle, FlowControl, WebSocketsSansIOProtocol, ServerProtocol)
}
OWN_CLASSES = {
    "BoundedHttpProtocol": "HttpToolsProtocol",
    "BodyFlowControl": "FlowControl",
    "WebSocketProtocol": "WebSocketsSansIOProtocol",
}
"""Classes of ours, and which of uvicorn's they extend."""
VARIABLES = {
    "cycle": "RequestResponseCycle",
    "_cycle": "RequestResponseCycle",
    "_running": "RequestResponseCycle",
    "flow": "FlowControl",
    "protocol": "HttpToolsProtocol",
    "conn": "ServerProtocol",
}
"""Names of variables and attributes in our code that hold an object of uvicorn's."""
PUBLIC = set(dir(asyncio.BufferedProtocol)) | set(dir(asyncio.Protocol))

Uses = dict[str, set[str]]


def listed() -> Uses:
    """Return the list in the docstring: indented lines, each a module or class and names of its."""
    assert protocols.__doc__
    names: Uses = defaultdict(set)
    for line in protocols.__doc__.splitlines():
        if line.startswith("    "):
            owner, *more = line.split()
            names[owner].update(more)
    return dict(names)


@cache
def members(kind: type) -> frozenset[str]:
    """Return a class's attributes, those included that its methods assign to `self`."""
    trees = [ast.parse(dedent(inspect.getsource(base))) for base in kind.__mro__ if base.__module__ != "builtins"]
    assigned = {
        node.attr
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and ast.unparse(node.value) == "self"
    }
    return frozenset(assigned | set(dir(kind)))


def uses(source: str) -> Uses:
    """Return which members of uvicorn's classes and which private modules' names a source file uses."""
    found: Uses = defaultdict(set)
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            holder = ast.unparse(node.value).rpartition(".")[2]
            if holder in VARIABLES:
                found[VARIABLES[holder]].add(node.attr)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("uvicorn."):
            found[str(node.module)].update(alias.name for alias in node.names)
        elif isinstance(node, ast.ClassDef) and node.name in OWN_CLASSES:
            found[OWN_CLASSES[node.name]].update(own_uses(node))
    return {owner: only_uvicorns(owner, names) for owner, names in found.items()}


def own_uses(definition: ast.ClassDef) -> Iterator[str]:
    """Yield the names that a class overrides, and those of `self` and `super()`."""
    for part in definition.body:
        if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef):
            yield part.name
    for node in ast.walk(definition):
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) in {"self", "super()"}:
            yield node.attr


def only_uvicorns(owner: str, names: set[str]) -> set[str]:
    if owner not in CLASSES:
        return names
    return {name for name in names & members(CLASSES[owner]) - PUBLIC if not name.startswith("__")}


def all_uses() -> Uses:
    found: Uses = defaultdict(set)
    for path in Path(str(protocols.__file__)).parent.glob("*.py"):
        for owner, names in uses(path.read_text()).items():
            found[owner] |= names
    return {owner: names for owner, names in found.items() if names}


@pytest.mark.parametrize("owner", sorted(listed()))
def test_the_installed_uvicorn_has_every_listed_name(owner: str) -> None:
    known = members(CLASSES[owner]) if owner in CLASSES else set(dir(importlib.import_module(owner)))
    assert listed()[owner] - known == set()


def test_the_list_names_exactly_what_the_code_uses() -> None:
    assert all_uses() == listed()


def test_every_class_that_extends_one_of_uvicorn_is_checked() -> None:
    extended = {
        (node.name, base)
        for path in Path(str(protocols.__file__)).parent.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ClassDef)
        for base in map(ast.unparse, node.bases)
        if base in CLASSES
    }
    assert extended == set(OWN_CLASSES.items())


def test_a_new_use_is_found_wherever_it_stands() -> None:
    source = """
from uvicorn.server import ServerState
class BodyFlowControl(FlowControl):
    def drain(self):
        self._is_writable_event.set()
        self.something_of_ours = 1
def reset(self):
    self.cycle.expected_content_length = 0
    self.flow.write_paused
"""
    assert uses(source) == {
        "uvicorn.server": {"ServerState"},
        "FlowControl": {"drain", "_is_writable_event", "write_paused"},
        "RequestResponseCycle": {"expected_content_length"},
    }
