"""The engines' ports and the store's keys, chosen at the first start and stored in the data folder.

They must stay the same: clients are given the URLs of recordings, and store signed ones.
"""

import json
import os
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from deploy.local.data_folder import DataFolder, DataFolderError
from deploy.local.object_store import StoreKeys
from deploy.local.ports import free_ports
from shared.storage.durable_files import write_durably


class Addresses(BaseModel):
    """The engines' ports on the loopback interface, and the store's keys."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    nats_port: int = Field(ge=1, le=65535)
    store_port: int = Field(ge=1, le=65535)
    store_access_key: str = Field(min_length=3)
    store_secret_key: SecretStr = Field(min_length=8)

    @property
    def store_keys(self) -> StoreKeys:
        """The keys that callers of the store sign with."""
        return StoreKeys(self.store_access_key, self.store_secret_key)


def load_or_choose_addresses(folder: DataFolder) -> Addresses:
    """Return the folder's addresses, chosen the first time; raises DataFolderError if their file is corrupt."""
    file = folder.addresses
    if not file.exists():
        _store(_choose(), file)
    try:
        os.chmod(file, 0o600)  # noqa: PTH101  # a copy from elsewhere may be readable by others
        return Addresses.model_validate_json(file.read_bytes())
    except (OSError, ValidationError) as exc:
        raise DataFolderError(
            f"{file} can't be used: repair it, or remove it to choose anew "
            "(addresses of recordings handed out so far will stop working)."
        ) from exc


def _choose() -> Addresses:
    nats_port, store_port = free_ports(2)
    keys = StoreKeys()
    return Addresses(
        nats_port=nats_port,
        store_port=store_port,
        store_access_key=keys.access_key,
        store_secret_key=keys.secret_key,
    )


def _store(addresses: Addresses, file: Path) -> None:
    document = addresses.model_dump() | {"store_secret_key": addresses.store_secret_key.get_secret_value()}
    write_durably(file, json.dumps(document, indent=2).encode(), temporaries=file.parent)
