"""Runs the ingest service: `python -m services.ingest`."""

from services.ingest.app import create_service
from services.ingest.settings import IngestSettings
from shared.env import load_settings
from shared.observability.metrics import Metrics
from shared.runtime.server import serve

settings = load_settings(IngestSettings)
serve(create_service(settings, Metrics()).app, settings, service="ingest")
