"""Sends a callback to the main service once, signed by Standard Webhooks 1.0."""

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
    """Body of a callback (docs/contracts.md, section 3)."""

    main_service_file_id: int
    upload_session_id: str
    file_path_on_upload_service: str
    original_file_name: str
    size_bytes: int
    sha256: str


class CallbackSender:
    """Posts notices to one receiver, each within one deadline from connect to status; redirects are not followed."""

    def __init__(self, client: httpx.AsyncClient, config: CallbackConfig) -> None:
        self._client = client
        self._url = config.url
        self._timeout = config.timeout
        self._signer = Webhook(config.secret.get_secret_value())

    async def send(self, message_id: str, notice: FileStoredNotice) -> str | None:
        """Return None if the receiver confirms with a 2xx, else why it failed, which never names the address.

        A response counts by its status alone; its body, of whatever length, is not read.
        """
        body = type_adapter(FileStoredNotice).dump_json(notice)
        try:
            async with (
                asyncio.timeout(self._timeout),
                self._client.stream(
                    "POST", self._url, content=body, headers=self._headers(message_id, body)
                ) as response,
            ):
                return None if response.is_success else f"the receiver answered {response.status_code}"
        except (TimeoutError, httpx.TimeoutException):
            return "the receiver did not answer in time"
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as exc:
            return f"the receiver could not be reached ({type(exc).__name__})"

    def _headers(self, message_id: str, body: bytes) -> dict[str, str]:
        """Sign at the time of sending: receivers reject timestamps that are some minutes old."""
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
    """Open the HTTP client for the receiver; it connects at the first notice."""
    limits = httpx.Limits(max_connections=config.concurrency)
    async with httpx.AsyncClient(follow_redirects=False, timeout=config.timeout, limits=limits) as client:
        yield CallbackSender(client, config)
