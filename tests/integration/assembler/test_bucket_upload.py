"""An upload of parts is believed only when the object is looked up, whatever its last answer said."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from services.assembler.bucket_upload import PART_BYTES, UploadTarget, upload_object
from shared.domain.errors import Permanent, Unavailable
from shared.storage.object_store import ObjectStore, UploadedPart, open_store
from shared.storage.settings import StoreConfig

OURS = {"manifest-sha256": "ours"}
SIZE = PART_BYTES + 1


class LosingStore(ObjectStore):
    """A store whose answer to the last request is lost, after it was done (`completes`) or before."""

    completes = False

    async def complete_multipart_upload(self, key: str, upload: str, parts: list[UploadedPart]) -> None:
        if self.completes:
            await super().complete_multipart_upload(key, upload, parts)
        raise Unavailable("The answer was lost.")


@pytest.fixture
async def losing(store_config: StoreConfig) -> AsyncIterator[LosingStore]:
    async with open_store(store_config) as opened:
        yield LosingStore(opened._client, store_config)


def verified(failure: Exception | None = None) -> asyncio.Future[None]:
    done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    if failure is None:
        done.set_result(None)
    else:
        done.set_exception(failure)
    return done


async def content(size: int) -> AsyncIterator[bytes]:
    yield bytes(size)


async def upload(store: ObjectStore, key: str, verification: asyncio.Future[None], size: int = SIZE) -> int:
    target = UploadTarget(store, key, "audio/wav", OURS, verification)
    return (await upload_object(target, content(size))).size


async def test_an_object_that_is_there_though_the_answer_was_lost_is_a_success(losing: LosingStore) -> None:
    losing.completes = True
    assert await upload(losing, "lost-answer", verified()) == SIZE


@pytest.mark.parametrize(
    ("size", "metadata"),
    [(None, OURS), (SIZE - 1, OURS), (SIZE, {"manifest-sha256": "another"})],
    ids=["no object", "another size", "another recording"],
)
async def test_an_object_that_is_not_the_one_uploaded_is_no_success(
    losing: LosingStore, size: int | None, metadata: dict[str, str]
) -> None:
    key = f"not-ours-{size}-{metadata['manifest-sha256']}"
    if size is not None:
        await losing.put(key, bytes(size), content_type="audio/wav", metadata=metadata)
    with pytest.raises(Unavailable) as refused:
        await upload(losing, key, verified())
    assert refused.value.code == "store_mismatch"


@pytest.mark.parametrize("size", [10, SIZE], ids=["one request", "parts"])
async def test_what_is_made_of_broken_chunks_is_never_to_be_seen(store: ObjectStore, size: int) -> None:
    key = f"broken-{size}"
    with pytest.raises(Permanent, match="changed on disk"):
        await upload(store, key, verified(Permanent("A chunk changed on disk.")), size)
    assert await store.head(key) is None
