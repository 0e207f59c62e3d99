"""Annotated field types that add formats and bounds to the published schemas."""

from typing import Annotated

from pydantic import BeforeValidator, Field

from shared.domain.identifiers import IDENTIFIER_SCHEMA

Timestamp = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
"""RFC 3339 in UTC with a trailing Z."""
Address = Annotated[str, Field(json_schema_extra={"format": "uri"})]
"""An absolute URL."""
Sha256 = Annotated[str, Field(json_schema_extra={"pattern": "^[0-9a-f]{64}$"})]
"""64 hexadecimal digits."""
Size = Annotated[int, Field(ge=0)]
"""Bytes."""
Count = Annotated[int, Field(ge=0)]
Temperature = Annotated[int, Field(ge=1, le=100)]
"""How heated a conversation was."""
Confidence = Annotated[float, Field(ge=0, le=1)]
Seconds = Annotated[float, Field(ge=0)]
Identifier = Annotated[str, Field(json_schema_extra={"pattern": IDENTIFIER_SCHEMA["pattern"]})]
"""As `shared.domain.identifiers.parse_identifier` checks them."""


_MAX_EXACT = 2**53  # from here on a float may be the neighbour of the number that was written


def _integral(value: object) -> object:
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < _MAX_EXACT else value


IntegralFloat = BeforeValidator(_integral)
"""For a strict `int`: also accepts 3.0 as 3, as JSON Schema does (2020-12, Validation, section 6.1.1); no strings."""
