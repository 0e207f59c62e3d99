"""`python -m services.assembler`."""

from services.assembler.app import create_service
from services.assembler.settings import AssemblerSettings
from shared.metrics import Metrics
from shared.runtime import load_settings, serve

settings = load_settings(AssemblerSettings)
serve(create_service(settings, Metrics()).app, settings, service="assembler")
