"""`python -m services.ingest`."""

from services.ingest.app import create_service
from services.ingest.settings import IngestSettings
from shared.metrics import Metrics
from shared.runtime import load_settings, serve

settings = load_settings(IngestSettings)
serve(create_service(settings, Metrics()).app, settings, service="ingest")
