"""What the documents refer to is there: links between them, their headings, and files of the repository."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[3]
PAGES = sorted([*REPOSITORY.glob("*.md"), *REPOSITORY.glob("docs/**/*.md")])
OF_TODAY = [
    page for page in PAGES if page.name != "CHANGELOG.md" and page.parent.name != "adr"
]  # those tell of the past
NOT_THERE_YET = "disk_space"  # the example in CONTRIBUTING.md makes it

_LINK = re.compile(r"\]\((?!https?://)([^)#]*)(?:#([^)]*))?\)")
_FILE = re.compile(r"`((?:services|shared|deploy|tests|docs|benchmarks)/[A-Za-z0-9_./-]*)`")


def anchors(page: Path) -> set[str]:
    """Return what a page's headings can be linked as."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


def broken_links(page: Path) -> Iterator[str]:
    for target, anchor in _LINK.findall(page.read_text()):
        linked = page.parent / target if target else page
        if not linked.exists() or (anchor and anchor not in anchors(linked)):
            yield f"{target}#{anchor}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_every_link_leads_somewhere(page: Path) -> None:
    assert list(broken_links(page)) == []


@pytest.mark.parametrize("page", OF_TODAY, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_every_file_that_is_named_exists(page: Path) -> None:
    named = {name for name in _FILE.findall(page.read_text()) if NOT_THERE_YET not in name}
    assert [name for name in sorted(named) if not (REPOSITORY / name).exists()] == []


def test_the_readme_is_read_in_one_go() -> None:
    assert len((REPOSITORY / "README.md").read_text().splitlines()) <= 150
