"""Who is still to be told, on the disk: written before an upload is sealed, gone once the matter is settled.

<spool>/.callbacks/<tenant>.<session>           to be told once the original is stored; empty
<spool>/<tenant>/<session>/callback.json        settled: confirmed, or given up
<spool>/<tenant>/<session>/.telling             held while one replica tells
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

_SETTLEMENT = "callback.json"
_TELLING = ".telling"


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackResult:
    """How a callback ended; `refused` is empty if it was confirmed, else why the last try failed."""

    message_id: str
    attempts: int
    settled_at: str
    refused: str = ""

    @property
    def delivered(self) -> bool:
        """Whether the receiver has confirmed."""
        return not self.refused


_SETTLEMENTS = TypeAdapter(CallbackResult)


@dataclass(frozen=True, slots=True)
class CallbackState:
    """What there is to tell of an upload: nothing before its session has ended, never again once it is settled."""

    purpose: IndexedUpload
    outcome: Envelope | None
    settlement: CallbackResult | None

    @property
    def original(self) -> StoredOriginal | None:
        """What is stored of the upload, or None while nothing is."""
        match self.outcome.event if self.outcome else None:
            case AudioReady(original=original) | AudioFailed(original=original):
                return original
            case _:
                return None

    @property
    def undeliverable(self) -> bool:
        """Whether the session ended for good with nothing stored: its client was told, and there is no file."""
        failed = self.outcome.event if self.outcome else None
        return isinstance(failed, AudioFailed) and failed.original is None and not failed.retryable


def message_id(key: SessionKey) -> str:
    """Return the `webhook-id` of an upload's callback: the same for every repetition."""
    return f"msg_{event_id(key, WebhookDelivered, '')}"


class CallbackStore:
    """The pending callbacks of a spool; every method blocks."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._folder = spool.root / ".callbacks"

    def prepare(self) -> None:
        """Create the folder; raises OSError."""
        self._folder.mkdir(mode=0o700, exist_ok=True)
        sync_directory(self._folder.parent)

    def add_pending(self, key: SessionKey) -> None:
        """Note durably that the upload's main service is to be told; again after it was given up."""
        record = self._record(key)
        if record.exists():
            return
        settled = self.result(key)
        if settled is not None:
            if settled.delivered:
                return
            self._settlement(key).unlink(missing_ok=True)
        write_durably(record, b"", self._spool.temporaries)

    def pending(self) -> dict[SessionKey, float]:
        """Return who is to be told, and since how many seconds."""
        found = {}
        moment = time.time()
        for entry in list(os.scandir(self._folder)):
            tenant, _, session = entry.name.partition(".")
            try:
                found[SessionKey(tenant, session)] = moment - entry.stat(follow_symlinks=False).st_mtime
            except FileNotFoundError:
                continue
        return found

    def remove_pending(self, key: SessionKey) -> None:
        """Forget that someone is to be told; what was settled is not forgotten."""
        self._record(key).unlink(missing_ok=True)

    def result(self, key: SessionKey) -> CallbackResult | None:
        """Return how the callback ended, or None while it has not."""
        try:
            return _SETTLEMENTS.validate_json(self._settlement(key).read_bytes())
        except FileNotFoundError:
            return None

    def state(self, key: SessionKey) -> CallbackState | None:
        """Return what there is to tell of a session, or None for one that was deleted, expired or is no upload."""
        directory = self._spool.session(key)
        gone = directory.deleted.exists() or directory.expired.exists()
        opening = None if gone else directory.read_metadata()
        if opening is None or not isinstance(opening.purpose, IndexedUpload):
            return None
        return CallbackState(opening.purpose, directory.read_result(), self.result(key))

    def write_result(self, key: SessionKey, *, attempts: int, refused: str = "") -> CallbackResult:
        """Write down how the callback ended, durably: from here on nobody is told again."""
        settlement = CallbackResult(
            message_id=message_id(key), attempts=attempts, settled_at=rfc3339(now()), refused=refused
        )
        write_durably(self._settlement(key), _SETTLEMENTS.dump_json(settlement), self._spool.temporaries)
        if self._spool.session(key).deleted.exists():  # meanwhile: nothing of it may stay
            self._settlement(key).unlink(missing_ok=True)
        return settlement

    def delivery_lock(self, key: SessionKey) -> Path:
        """Return the lock file that is held while one replica tells."""
        return self._spool.session(key).path / _TELLING

    def _record(self, key: SessionKey) -> Path:
        return self._folder / f"{key.tenant}.{key.session}"

    def _settlement(self, key: SessionKey) -> Path:
        return self._spool.session(key).path / _SETTLEMENT
