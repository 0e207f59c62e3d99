"""Pending and finished callbacks on disk: a pending one is written before finalize, removed when delivered or given up.

<spool>/.callbacks/<tenant>.<session>           pending: to be sent once the original is stored; empty
<spool>/<tenant>/<session>/callback.json        the result: delivered, or given up
<spool>/<tenant>/<session>/.telling             lock file, held while one replica sends
"""

import os
import time
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter

from shared.domain.clock import now, rfc3339
from shared.domain.envelope import Envelope, event_id
from shared.domain.events import AudioFailed, AudioReady, StoredOriginal, WebhookDelivered
from shared.domain.identifiers import SessionKey
from shared.domain.upload_kind import IndexedUpload
from shared.storage.durable_files import sync_directory, write_durably
from shared.storage.spool import Spool

_RESULT_FILE = "callback.json"
_LOCK_FILE = ".telling"


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackResult:
    """How a callback ended; `refused` is empty if the receiver has confirmed, else why the last try failed."""

    message_id: str
    attempts: int
    settled_at: str
    refused: str = ""

    @property
    def delivered(self) -> bool:
        """Whether the receiver has confirmed."""
        return not self.refused


_CALLBACK_RESULT = TypeAdapter(CallbackResult)


@dataclass(frozen=True, slots=True)
class CallbackState:
    """State of a callback: `outcome` is None before the session has ended, `result` before the callback has."""

    upload: IndexedUpload
    outcome: Envelope | None
    result: CallbackResult | None

    @property
    def original(self) -> StoredOriginal | None:
        """The stored file, or None before it is stored."""
        match self.outcome.event if self.outcome else None:
            case AudioReady(original=original) | AudioFailed(original=original):
                return original
            case _:
                return None

    @property
    def undeliverable(self) -> bool:
        """Whether the session failed for good with no file stored: there is nothing to report, and the client knows."""
        failed = self.outcome.event if self.outcome else None
        return isinstance(failed, AudioFailed) and failed.original is None and not failed.retryable


def message_id(key: SessionKey) -> str:
    """Return the `webhook-id` of an upload's callback, the same for every try."""
    return f"msg_{event_id(key, WebhookDelivered, '')}"


class CallbackStore:
    """Stores the callbacks of a spool; every method blocks."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._folder = spool.root / ".callbacks"

    def prepare(self) -> None:
        """Create the folder of pending callbacks, durably; raises OSError."""
        self._folder.mkdir(mode=0o700, exist_ok=True)
        sync_directory(self._folder.parent)

    def add_pending(self, key: SessionKey) -> None:
        """Add a pending callback, durably, unless it was delivered; one that was given up starts anew."""
        pending = self._pending_file(key)
        if pending.exists():
            return
        result = self.result(key)
        if result is not None:
            if result.delivered:
                return
            self._result_file(key).unlink(missing_ok=True)
        write_durably(pending, b"", self._spool.temporaries)

    def pending(self) -> dict[SessionKey, float]:
        """Return the pending callbacks, and for how many seconds each has been pending."""
        found = {}
        now_seconds = time.time()
        for entry in list(os.scandir(self._folder)):
            tenant, _, session = entry.name.partition(".")
            try:
                found[SessionKey(tenant, session)] = now_seconds - entry.stat(follow_symlinks=False).st_mtime
            except FileNotFoundError:
                continue
        return found

    def remove_pending(self, key: SessionKey) -> None:
        """Remove a pending callback; its result stays."""
        self._pending_file(key).unlink(missing_ok=True)

    def result(self, key: SessionKey) -> CallbackResult | None:
        """Return the callback's result, or None while it is pending."""
        try:
            return _CALLBACK_RESULT.validate_json(self._result_file(key).read_bytes())
        except FileNotFoundError:
            return None

    def state(self, key: SessionKey) -> CallbackState | None:
        """Return the state of a session's callback; None if it was deleted, has expired or is no indexed upload."""
        directory = self._spool.session(key)
        gone = directory.deleted.exists() or directory.expired.exists()
        metadata = None if gone else directory.read_metadata()
        if metadata is None or not isinstance(metadata.purpose, IndexedUpload):
            return None
        return CallbackState(metadata.purpose, directory.read_result(), self.result(key))

    def write_result(self, key: SessionKey, *, attempts: int, refused: str = "") -> CallbackResult:
        """Store the callback's result, durably: from here on it is not sent again."""
        result = CallbackResult(
            message_id=message_id(key), attempts=attempts, settled_at=rfc3339(now()), refused=refused
        )
        write_durably(self._result_file(key), _CALLBACK_RESULT.dump_json(result), self._spool.temporaries)
        if self._spool.session(key).deleted.exists():  # deleted meanwhile: no file of the session may stay
            self._result_file(key).unlink(missing_ok=True)
        return result

    def delivery_lock(self, key: SessionKey) -> Path:
        """Return the lock file that a replica holds while it sends."""
        return self._spool.session(key).path / _LOCK_FILE

    def _pending_file(self, key: SessionKey) -> Path:
        return self._folder / f"{key.tenant}.{key.session}"

    def _result_file(self, key: SessionKey) -> Path:
        return self._spool.session(key).path / _RESULT_FILE
