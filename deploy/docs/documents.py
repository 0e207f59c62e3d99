"""The published OpenAPI document of all four services, made without starting any of them."""

import json
from collections.abc import Sequence
from pathlib import Path

from pydantic import SecretStr

from deploy.local.app import OneMachine
from deploy.local.composition import create_services
from shared.observability.metrics import Metrics
from shared.openapi.schemas import Json
from shared.runtime.service import Service

OPENAPI_FILE = Path(__file__).parents[2] / "docs" / "openapi.json"

_NOWHERE = "127.0.0.1:9"


def unconfigured_services() -> Sequence[Service]:
    """Return the four services as they are without any settings; their engines are nowhere, and nothing is opened."""
    return create_services(
        bus={"nats_url": f"nats://{_NOWHERE}"},
        store={
            "s3_endpoint_url": f"http://{_NOWHERE}",
            "s3_access_key": "none",
            "s3_secret_key": SecretStr("none"),
            "s3_bucket_name": "none",
        },
        store_folder=None,
        spool=Path("none"),
        metrics=Metrics(),
    )


def combined_document() -> Json:
    """Return what the one-machine form serves at `/openapi.json`."""
    return OneMachine(unconfigured_services(), Metrics()).document


def openapi_file_content() -> str:
    """Return what `OPENAPI_FILE` must hold."""
    return json.dumps(combined_document(), indent=2, ensure_ascii=False) + "\n"
