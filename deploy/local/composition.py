"""Creates the four services with the addresses of the embedded engines."""

from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict

from pydantic import SecretStr

from deploy.local.object_store import RcloneStore
from services.analyzer.app import create_service as create_analyzer
from services.analyzer.settings import AnalyzerSettings
from services.assembler.app import create_service as create_assembler
from services.assembler.settings import AssemblerSettings
from services.ingest.app import create_service as create_ingest
from services.ingest.settings import IngestSettings
from services.notifier.app import create_service as create_notifier
from services.notifier.settings import NotifierSettings
from shared.env import load_settings
from shared.observability.metrics import Metrics
from shared.runtime.service import Service
from shared.storage.settings import PartOrder


class BusOverrides(TypedDict, total=False):
    """Settings that point at the embedded bus; empty if the environment names a bus."""

    nats_url: str


class StoreOverrides(TypedDict, total=False):
    """Settings that point at the embedded store's bucket; empty if the environment names a store."""

    s3_endpoint_url: str
    s3_access_key: str
    s3_secret_key: SecretStr
    s3_bucket_name: str
    store_part_order: PartOrder


def store_overrides(store: RcloneStore) -> StoreOverrides:
    """Return the settings that point at the embedded store."""
    config = store.config()
    return {
        "s3_endpoint_url": config.endpoint,
        "s3_access_key": config.access_key,
        "s3_secret_key": config.secret_key,
        "s3_bucket_name": config.bucket,
        "store_part_order": config.part_order,
    }


def create_services(
    *, bus: BusOverrides, store: StoreOverrides, store_folder: Path | None, spool: Path, metrics: Metrics
) -> Sequence[Service]:
    """Return ingest, assembler, analyzer and notifier, which open nothing before their lifespans.

    `store_folder` is where the embedded store keeps its objects, which it does not sync to disk itself. Ends the
    process, naming every fault, when a service's settings are wrong.
    """
    ingest = load_settings(
        lambda: IngestSettings(**bus, **store, local_temp_chunk_path=spool, store_folder=store_folder)
    )
    assembler = load_settings(
        lambda: AssemblerSettings(**bus, **store, local_temp_chunk_path=spool, store_folder=store_folder)
    )
    analyzer = load_settings(lambda: AnalyzerSettings(**bus, **store, store_folder=store_folder))
    notifier = load_settings(lambda: NotifierSettings(**bus))
    return [
        create_ingest(ingest, metrics),
        create_assembler(assembler, metrics),
        create_analyzer(analyzer, metrics),
        create_notifier(notifier, metrics),
    ]
