"""Integers in requests, as JSON Schema defines them."""

from typing import Annotated

import pytest
from pydantic import Field, TypeAdapter, ValidationError

from shared.http.fields import IntegralFloat

WHOLE = TypeAdapter[int](Annotated[int, Field(strict=True, ge=0), IntegralFloat])


@pytest.mark.parametrize(
    ("text", "number"), [("3", 3), ("3.0", 3), ("3e2", 300), ("-0.0", 0), ("9007199254740993", 2**53 + 1)]
)
def test_an_integer_is_accepted_in_every_notation(text: str, number: int) -> None:
    assert WHOLE.validate_json(text) == number


@pytest.mark.parametrize("text", ["3.5", '"3"', "true", "null", "1e400", "-1.0", "9007199254740993.0"])
def test_a_fraction_another_type_or_an_inexact_float_is_rejected(text: str) -> None:
    with pytest.raises(ValidationError):
        WHOLE.validate_json(text)
