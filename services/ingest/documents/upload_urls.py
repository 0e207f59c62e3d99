"""The use case behind direct uploads: an address to which one client can send one file for a while."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.ingest.api.filenames import is_recording
from services.ingest.documents.object_keys import new_object_key
from shared.domain.clock import now
from shared.domain.errors import TooLarge
from shared.storage.object_store import ObjectStore

_LARGEST_PUT = 5 * 1024**3  # S3 and R2 take no more in one request


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnouncedFile:
    """A file that is about to be uploaded; `size` in bytes, None if its client did not say."""

    filename: str
    content_type: str
    size: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedUploadUrl:
    """Where to PUT a file until `expires_at`, and the headers that the signature covers."""

    url: str
    headers: Mapping[str, str]
    object_key: str
    expires_at: datetime
    public_url: str | None


@dataclass(frozen=True, slots=True)
class UploadUrlSigner:
    """Signs addresses; nothing is asked of the store for it. `largest_recording` in bytes."""

    store: ObjectStore
    default_seconds: int
    largest_recording: int

    async def sign(self, tenant: str, file: AnnouncedFile, seconds: int | None) -> SignedUploadUrl:
        """Return an address that holds for `seconds`, or for the default.

        Raises InvalidInput for a name that holds nothing, and TooLarge for what could never be registered.
        """
        self._refuse_oversize(file)
        seconds = seconds or self.default_seconds
        signed_at = now().replace(microsecond=0)  # as the signature has it: the address holds for this long at least
        key = new_object_key(tenant, file.filename, signed_at)
        url = await self.store.presigned_put(key, content_type=file.content_type, size=file.size, expires=seconds)
        length = {} if file.size is None else {"Content-Length": str(file.size)}
        return SignedUploadUrl(
            url=url,
            headers={"Content-Type": file.content_type, **length},
            object_key=key,
            expires_at=signed_at + timedelta(seconds=seconds),
            public_url=self.store.public_url(key),
        )

    def _refuse_oversize(self, file: AnnouncedFile) -> None:
        size = file.size or 0
        if size > _LARGEST_PUT:
            raise TooLarge(f"The bucket takes at most {_LARGEST_PUT} bytes in one upload.")
        check_recording_size(file.content_type, file.filename, size, self.largest_recording)


def check_recording_size(content_type: str, filename: str, size: int, largest: int) -> None:
    """Raise TooLarge for a recording of more bytes than any session may have."""
    if size > largest and is_recording(content_type, filename):
        raise TooLarge(f"A recording may have at most {largest} bytes: split it.", code="session_too_large")
