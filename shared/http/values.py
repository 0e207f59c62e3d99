"""Kinds of values that dataclasses of requests and answers name, so that their published schema is as tight."""

from typing import Annotated

from pydantic import Field

from shared.identifiers import IDENTIFIER_SCHEMA

Timestamp = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
"""RFC 3339 in UTC with a trailing Z."""
Address = Annotated[str, Field(json_schema_extra={"format": "uri"})]
"""An absolute URL."""
Sha256 = Annotated[str, Field(json_schema_extra={"pattern": "^[0-9a-f]{64}$"})]
"""64 hexadecimal digits."""
Size = Annotated[int, Field(ge=0)]
"""Bytes."""
Count = Annotated[int, Field(ge=0)]
Seconds = Annotated[float, Field(ge=0)]
Identifier = Annotated[str, Field(json_schema_extra={"pattern": IDENTIFIER_SCHEMA["pattern"]})]
"""As `shared.identifiers.identifier` checks them."""
