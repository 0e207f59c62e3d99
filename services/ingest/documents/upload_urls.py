"""Signs presigned upload URLs: one client can PUT one file there for a limited time."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.ingest.api.filenames import is_recording
from services.ingest.documents.object_keys import new_object_key
from shared.domain.clock import now
from shared.domain.errors import TooLarge
from shared.storage.object_store import ObjectStore

_MAX_PUT = 5 * 1024**3  # S3's and R2's limit for one PUT


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnouncedFile:
    """A file that a client wants to upload; `size` in bytes, None if it is unknown."""

    filename: str
    content_type: str
    size: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedUploadUrl:
    """Presigned URL for one PUT until `expires_at`, and the headers that its signature covers."""

    url: str
    headers: Mapping[str, str]
    object_key: str
    expires_at: datetime
    public_url: str | None


@dataclass(frozen=True, slots=True)
class UploadUrlSigner:
    """Signs upload URLs, without a request to the store; `largest_recording` in bytes."""

    store: ObjectStore
    default_seconds: int
    largest_recording: int

    async def sign(self, tenant: str, file: AnnouncedFile, seconds: int | None) -> SignedUploadUrl:
        """Return a URL that is valid for `seconds`, by default for `default_seconds`.

        Raises InvalidInput for a filename without letters and digits, and TooLarge for a file too large to register.
        """
        self._check_size(file)
        seconds = seconds or self.default_seconds
        signed_at = now().replace(microsecond=0)  # to the second, as in the signature
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

    def _check_size(self, file: AnnouncedFile) -> None:
        size = file.size or 0
        if size > _MAX_PUT:
            raise TooLarge(f"The bucket takes at most {_MAX_PUT} bytes in one upload.")
        check_recording_size(file.content_type, file.filename, size, self.largest_recording)


def check_recording_size(content_type: str, filename: str, size: int, largest: int) -> None:
    """Raise TooLarge for a recording of more than `largest` bytes, the limit of a session."""
    if size > largest and is_recording(content_type, filename):
        raise TooLarge(f"A recording may have at most {largest} bytes: split it.", code="session_too_large")
