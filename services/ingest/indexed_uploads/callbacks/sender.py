"""One try at telling the main service of a stored file, signed the Standard Webhooks way."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx
from standardwebhooks import Webhook

from services.ingest.indexed_uploads.callbacks.settings import CallbackConfig
from shared.domain.clock import now
from shared.http.responses import JSON, type_adapter
from shared.version import VERSION


@dataclass(frozen=True, slots=True, kw_only=True)
class FileStoredNotice:
    """What the main service is told (contracts, section 3)."""

    main_service_file_id: int
    upload_session_id: str
    file_path_on_upload_service: str
    original_file_name: str
    size_bytes: int
    sha256: str


class CallbackSender:
    """Sends notices to one receiver, each bounded by one deadline for all of it; redirects are not followed."""

    def __init__(self, client: httpx.AsyncClient, config: CallbackConfig) -> None:
        self._client = client
        self._url = config.url
        self._timeout = config.timeout
        self._signer = Webhook(config.secret.get_secret_value())

    async def send(self, message_id: str, notice: FileStoredNotice) -> str | None:
        """Return None once the receiver has confirmed with a 2xx, or why it has not; never names the address.

        An answer counts by its status alone: its body is not read, however long it is.
        """
        body = type_adapter(FileStoredNotice).dump_json(notice)
        try:
            async with (
                asyncio.timeout(self._timeout),
                self._client.stream("POST", self._url, content=body, headers=self._headers(message_id, body)) as answer,
            ):
                return None if answer.is_success else f"the receiver answered {answer.status_code}"
        except (TimeoutError, httpx.TimeoutException):
            return "the receiver did not answer in time"
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as exc:
            return f"the receiver could not be reached ({type(exc).__name__})"

    def _headers(self, message_id: str, body: bytes) -> dict[str, str]:
        """Sign at the time of sending: receivers refuse timestamps older than some minutes."""
        moment = now()
        return {
            "Content-Type": JSON,
            "User-Agent": f"roomtone/{VERSION}",
            "webhook-id": message_id,
            "webhook-timestamp": str(int(moment.timestamp())),
            "webhook-signature": self._signer.sign(message_id, moment, body.decode()),
        }


@asynccontextmanager
async def open_callback_sender(config: CallbackConfig) -> AsyncIterator[CallbackSender]:
    """Open the connections to the receiver; nothing is sent before the first notice."""
    limits = httpx.Limits(max_connections=config.concurrency)
    async with httpx.AsyncClient(follow_redirects=False, timeout=config.timeout, limits=limits) as client:
        yield CallbackSender(client, config)
