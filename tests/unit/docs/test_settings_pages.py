"""Every setting is in docs/settings.md and in .env.example, with its default, and nothing else is."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from deploy.local.settings import LocalSettings
from services.analyzer.settings import AnalyzerSettings
from services.assembler.settings import AssemblerSettings
from services.ingest.settings import IngestSettings
from services.notifier.settings import NotifierSettings
from shared.env import EnvSettings

REPOSITORY = Path(__file__).parents[3]
EXAMPLE = (REPOSITORY / ".env.example").read_text()
PAGE = (REPOSITORY / "docs" / "settings.md").read_text()
CLASSES = [IngestSettings, AssemblerSettings, AnalyzerSettings, NotifierSettings, LocalSettings]
STORE = {"s3_endpoint_url": "http://x", "s3_access_key": "x", "s3_secret_key": "x", "s3_bucket_name": "x"}
OWN = {"port", "shutdown_grace_seconds"}  # their defaults differ from service to service


def subclasses(kind: type[EnvSettings]) -> Iterator[type[EnvSettings]]:
    for inner in kind.__subclasses__():
        yield inner
        yield from subclasses(inner)


NAMES = {
    name.upper()
    for kind in subclasses(EnvSettings)
    if not kind.__module__.startswith("tests.")
    for name in kind.model_fields
}
EXAMPLE_VALUES = dict(re.findall(r"^# ([A-Z][A-Z0-9_]*)=(.*)$", EXAMPLE, re.MULTILINE))


def test_the_classes_of_all_processes_are_known() -> None:
    assert {"PORT", "DATA_DIR", "NOTIFY_MAX_CLIENTS", "MAX_AUDIO_SECONDS", "OPENAI_API_KEY"} <= NAMES


def test_the_example_file_has_every_setting_once_and_no_other() -> None:
    assert sorted(re.findall(r"^# ([A-Z][A-Z0-9_]*)=", EXAMPLE, re.MULTILINE)) == sorted(NAMES)


def test_the_page_has_every_setting_once_and_no_other() -> None:
    assert sorted(re.findall(r"^\| `([A-Z][A-Z0-9_]*)` \|", PAGE, re.MULTILINE)) == sorted(NAMES)


def test_every_line_of_the_example_file_is_a_comment() -> None:
    assert [line for line in EXAMPLE.splitlines() if line and not line.startswith("#")] == []


@pytest.mark.parametrize("name", sorted(NAMES))
def test_page_and_example_file_agree_on_a_default(name: str) -> None:
    row = next(line for line in PAGE.splitlines() if line.startswith(f"| `{name}` |"))
    shown = re.match(r"\| `\w+` \| (?:`([^`]*)`)?", row)
    assert shown is not None
    assert (shown[1] or "") == EXAMPLE_VALUES[name]


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_the_example_file_uncommented_changes_nothing(
    kind: type[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    env = tmp_path / "env"
    env.write_text(re.sub(r"^# ([A-Z][A-Z0-9_]*=)", r"\1", EXAMPLE, flags=re.MULTILINE))
    store = STORE if "s3_bucket_name" in kind.model_fields else {}
    assert values(kind(_env_file=env, **store)) == values(kind(_env_file=None, **store))


def values(settings: BaseModel) -> dict[str, object]:
    return {name: value for name, value in settings if name not in OWN}
