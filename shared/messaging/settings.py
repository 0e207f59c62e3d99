"""Settings of the NATS connection and of the work queues."""

from dataclasses import dataclass

from pydantic import Field

from shared.env import EnvSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class BusConfig:
    """The URL of the NATS server, the number of replicas of each event, and the days that events are stored."""

    url: str
    replicas: int = 1
    max_age_days: int = 30


class WorkSettings(EnvSettings):
    """When unacknowledged work is redelivered: after `redelivery_seconds` without a heartbeat of its worker.

    A live worker sends three heartbeats in that time.
    """

    redelivery_seconds: float = Field(default=30.0, ge=1, le=600)
