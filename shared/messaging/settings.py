"""Settings."""

from dataclasses import dataclass

from pydantic import Field

from shared.env import EnvSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class BusConfig:
    """Where the bus is, how many copies of each event it keeps, and for how many days."""

    url: str
    replicas: int = 1
    max_age_days: int = 30


class WorkSettings(EnvSettings):
    """How a queue's work is given out: `redelivery_seconds` without a sign of life of its worker, and it is another's.

    A worker that lives gives three signs in that time.
    """

    redelivery_seconds: float = Field(default=30.0, ge=1, le=600)
