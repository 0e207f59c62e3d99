"""`python -m services.analyzer`."""

from services.analyzer.app import create_service
from services.analyzer.settings import AnalyzerSettings
from shared.metrics import Metrics
from shared.runtime import load_settings, serve

settings = load_settings(AnalyzerSettings)
serve(create_service(settings, Metrics()).app, settings, service="analyzer")
