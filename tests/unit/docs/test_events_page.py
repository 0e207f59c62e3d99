"""docs/events.md names every event and every member of its data, and nothing else."""

import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest

from shared.domain.events import EVENT_TYPES, StoredChannels

PAGE = (Path(__file__).parents[3] / "docs" / "events.md").read_text()
SECTIONS = {
    match[1]: match[2] for match in re.finditer(r"^### `([a-z._]+)`\n(.*?)(?=^##|\Z)", PAGE, re.MULTILINE | re.DOTALL)
}

OTHER_TITLES: dict[type[Any], str] = {StoredChannels: "audio.ready.channels"}  # two events have members of one name


def dataclasses_in(annotation: Any) -> Iterator[type[Any]]:
    """Yield the dataclasses that an annotation names, inside unions, tuples and `Annotated` too."""
    if is_dataclass(annotation) and isinstance(annotation, type):
        yield annotation
    for argument in get_args(annotation):
        yield from dataclasses_in(argument)


def expected_sections() -> dict[str, set[str]]:
    """Return the members that each section must list: by an event's name, or by the member that holds an object."""
    expected: dict[str, set[str]] = {kind.NAME: set() for kind in EVENT_TYPES}
    waiting: list[tuple[str, type[Any]]] = [(kind.NAME, kind) for kind in EVENT_TYPES]
    while waiting:
        title, kind = waiting.pop()
        hints = get_type_hints(kind)
        for field in fields(kind):
            expected.setdefault(title, set()).add(field.name)
            waiting += [(OTHER_TITLES.get(nested, field.name), nested) for nested in dataclasses_in(hints[field.name])]
    return expected


EXPECTED = expected_sections()


def test_every_event_and_object_has_a_section_and_no_other_has_one() -> None:
    assert SECTIONS.keys() == EXPECTED.keys()


@pytest.mark.parametrize("title", sorted(EXPECTED))
def test_a_section_lists_exactly_the_members_that_are_published(title: str) -> None:
    assert set(re.findall(r"^\| `(\w+)` \|", SECTIONS[title], re.MULTILINE)) == EXPECTED[title]


def test_the_overview_says_of_every_event_who_publishes_it() -> None:
    overview = PAGE.partition("## The events")[2].partition("\n### ")[0]
    assert set(re.findall(r"^\| `([a-z.]+)` \| (?:ingest|assembler|analyzer)", overview, re.MULTILINE)) == {
        kind.NAME for kind in EVENT_TYPES
    }
