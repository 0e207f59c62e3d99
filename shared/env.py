"""Settings: the environment first, then `.env`; validated whole when a service starts."""

import sys
from collections.abc import Callable
from typing import TypeVar

from pydantic import ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict


class EnvSettings(BaseSettings):
    """The base of all settings; errors never repeat a value."""

    model_config = SettingsConfigDict(
        env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True, hide_input_in_errors=True
    )


SettingsT = TypeVar("SettingsT", bound=BaseSettings)


def load_settings(kind: Callable[[], SettingsT]) -> SettingsT:
    """Read settings, or end the process with every fault named and no value repeated."""
    try:
        return kind()
    except ValidationError as exc:
        for fault in exc.errors():
            name = ".".join(str(part).upper() for part in fault["loc"])
            message = fault["msg"].removeprefix("Value error, ")
            sys.stderr.write(f"settings: {name + ': ' if name else ''}{message}\n")
        sys.exit(2)
