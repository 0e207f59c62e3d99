"""The base class of all settings, and how a program reads them at its start: from the environment, then from `.env`."""

import sys
from collections.abc import Callable
from typing import TypeVar

from pydantic import ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict


class EnvSettings(BaseSettings):
    """The base class of all settings, read-only once made; unknown names are ignored, and errors repeat no value."""

    model_config = SettingsConfigDict(
        env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True, hide_input_in_errors=True
    )


SettingsT = TypeVar("SettingsT", bound=BaseSettings)


def load_settings(kind: Callable[[], SettingsT]) -> SettingsT:
    """Read settings; if any is invalid, write every fault to stderr, without values, and exit with status 2."""
    try:
        return kind()
    except ValidationError as exc:
        for fault in exc.errors():
            name = ".".join(str(part).upper() for part in fault["loc"])
            message = fault["msg"].removeprefix("Value error, ")
            sys.stderr.write(f"settings: {name + ': ' if name else ''}{message}\n")
        sys.exit(2)
