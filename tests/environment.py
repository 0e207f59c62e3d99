"""The environment of processes under test."""

from collections.abc import Mapping

_OURS = (
    "R2_",
    "S3_",
    "CLOUDFLARE_R2_",
    "NATS_",
    "OPENAI_",
    "PORT",
    "HOST",
    "ALLOW_ANONYMOUS",
    "MAIN_SERVICE_",
    "JWT_",
    "EXPECTED_JWT_",
    "WEBHOOK_",
    "CALLBACK_",
    "CORS_",
    "MAX_",
    "ALLOWED_EXTENSIONS",
    "RATE_LIMIT_",
    "ANALYZE",
    "FFMPEG_PATH",
    "DATA_DIR",
    "LOG_",
    "LOCAL_TEMP",
    "REDELIVERY_",
    "FAILPOINTS",
    "ASSEMBLER_",
    "ANALYSIS_",
    "PYTHONUNBUFFERED",
)


def clean_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return `environment` without whatever could steer Roomtone."""
    return {name: value for name, value in environment.items() if not name.startswith(_OURS)}
