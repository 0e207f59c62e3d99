"""Run the notifier by itself: `python -m services.notifier`."""

from services.notifier.app import SERVICE, create_service
from services.notifier.settings import NotifierSettings
from shared.env import load_settings
from shared.observability.metrics import Metrics
from shared.runtime.server import serve

if __name__ == "__main__":
    settings = load_settings(NotifierSettings)
    serve(create_service(settings, Metrics()).app, settings, service=SERVICE)
