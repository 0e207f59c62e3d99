"""Tells the server in one sentence why an application can't start, where an operator can mend it."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.domain.errors import Permanent

_FAILED = "lifespan.startup.failed"


class StartupFailure:
    """An ASGI application around another one: a Permanent error at its start is reported by its message alone.

    Starlette reports a traceback, which ends with the cause but tells an operator nothing before it. Other errors may
    need it and keep theirs.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything on but the report of a failed start, which waits for the error itself."""
        if scope["type"] != "lifespan":
            await self._app(scope, receive, send)
            return
        failed: list[Message] = []

        async def hold_back(message: Message) -> None:
            if message["type"] == _FAILED:
                failed.append(message)
            else:
                await send(message)

        try:
            await self._app(scope, receive, hold_back)
        except Permanent as exc:
            if failed:
                failed = [{"type": _FAILED, "message": exc.message}]
            raise
        finally:
            for message in failed:
                await send(message)
