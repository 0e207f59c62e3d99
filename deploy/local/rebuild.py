"""`python -m deploy.local.rebuild`: rebuilds the catalog of a running one-machine form from its bucket."""

import sys

from deploy.local.composition import BusOverrides, StoreOverrides, store_overrides
from deploy.local.data_folder import DataFolder, DataFolderError
from deploy.local.engines import choose_engines
from deploy.local.settings import LocalSettings, NamedStore
from services.assembler.rebuild_catalog import run_rebuild
from services.assembler.settings import AssemblerSettings
from shared.env import load_settings


def main() -> None:
    """Rebuild the catalog; exit status 1 and one line on standard error for a failure."""
    settings = load_settings(LocalSettings)
    folder = DataFolder(settings.data_dir)
    if not folder.addresses.exists():
        sys.exit(f"rebuild-catalog: {settings.data_dir} holds no Roomtone: start one with `make run`, or set DATA_DIR")
    try:
        engines = choose_engines(folder, nats=settings.own_bus, store=not load_settings(NamedStore).given)
    except DataFolderError as exc:
        sys.exit(f"rebuild-catalog: {exc}")
    bus: BusOverrides = {"nats_url": engines.nats.url} if engines.nats else {}
    store: StoreOverrides = store_overrides(engines.store) if engines.store else {}
    sys.exit(run_rebuild(load_settings(lambda: AssemblerSettings(**bus, **store))))


if __name__ == "__main__":
    main()
