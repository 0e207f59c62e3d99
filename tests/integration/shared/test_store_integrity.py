"""Bytes that are changed on their way to the store are refused there, and a reader asks for one object throughout."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from urllib.parse import urlsplit

import pytest

from shared.domain.errors import Unavailable
from shared.storage.object_store import ObjectStore, open_store
from shared.storage.settings import StoreConfig
from tests.relay import Ends, Relay, copy, first_of

_WINDOW = 8 * 1024 * 1024


class ChangingRelay(Relay):
    """Passes bytes on, with one word changed, and keeps what was asked."""

    def __init__(self, target: int) -> None:
        super().__init__(target)
        self.asked = b""

    async def pass_on(self, ends: Ends) -> None:
        await first_of(self._forth(ends), copy(ends.answers, ends.back))

    async def _forth(self, ends: Ends) -> None:
        while piece := await ends.client.read(65536):
            self.asked += piece
            ends.there.write(piece.replace(b"good bytes", b"evil bytes"))
            await ends.there.drain()


@asynccontextmanager
async def relayed_store(config: StoreConfig) -> AsyncIterator[tuple[ObjectStore, ChangingRelay]]:
    port = urlsplit(config.endpoint).port
    assert port is not None
    async with (
        ChangingRelay(port) as relay,
        open_store(replace(config, endpoint=f"http://127.0.0.1:{relay.port}")) as store,
    ):
        yield store, relay


async def test_a_body_that_is_changed_on_its_way_is_refused(store_config: StoreConfig, store: ObjectStore) -> None:
    async with relayed_store(store_config) as (relayed, _):
        await relayed.put("as-it-is", b"bytes", content_type="text/plain", metadata={})
        with pytest.raises(Unavailable, match="BadDigest"):
            await relayed.put("changed", b"good bytes", content_type="text/plain", metadata={})
    assert await store.head("as-it-is") is not None
    assert await store.head("changed") is None


async def test_a_part_that_is_changed_on_its_way_is_refused(store_config: StoreConfig) -> None:
    async with relayed_store(store_config) as (relayed, _):
        upload = await relayed.create_multipart_upload("changed-part", content_type="text/plain", metadata={})
        with pytest.raises(Unavailable, match="BadDigest"):
            await relayed.upload_part("changed-part", upload, 1, b"good bytes")


async def test_every_further_request_for_an_object_is_for_the_very_one_that_the_first_bytes_are_of(
    store_config: StoreConfig, store: ObjectStore
) -> None:
    await store.put("long", bytes(_WINDOW + 1), content_type="text/plain", metadata={})
    async with relayed_store(store_config) as (relayed, relay):
        assert sum([len(piece) async for piece in relayed.read("long")]) == _WINDOW + 1
    first, further = relay.asked.split(b"GET ")[1:]
    assert re.search(rb"\r\nif-match:", first, re.IGNORECASE) is None
    assert re.search(rb"\r\nif-match: ?\"[^\"]+\"\r\n", further, re.IGNORECASE)
