"""What a server is told of an application that can't start."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from starlette.applications import Starlette
from starlette.types import Message

from shared.domain.errors import Permanent
from shared.runtime.startup_failure import StartupFailure


def fail_with(error: Exception) -> None:
    raise error


async def messages_of(error: Exception) -> list[Message]:
    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        fail_with(error)
        yield

    async def receive() -> Message:
        return {"type": "lifespan.startup"}

    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    with pytest.raises(type(error)):
        await StartupFailure(Starlette(lifespan=lifespan))({"type": "lifespan", "state": {}}, receive, send)
    return sent


async def test_an_error_of_ours_is_told_by_its_message_alone() -> None:
    error = Permanent("MODEL_DIR: no model.", code="model_failed")
    assert await messages_of(error) == [{"type": "lifespan.startup.failed", "message": "MODEL_DIR: no model."}]


async def test_a_fault_of_the_program_keeps_its_traceback() -> None:
    (message,) = await messages_of(ValueError("a fault"))
    assert message["type"] == "lifespan.startup.failed"
    assert message["message"].startswith("Traceback")
