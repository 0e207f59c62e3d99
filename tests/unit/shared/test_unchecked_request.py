import pytest

from shared.domain.errors import NotAuthenticated
from shared.http.middleware.authentication import caller_of


def test_a_request_that_was_never_checked_has_no_caller_not_even_the_anonymous_one() -> None:
    with pytest.raises(NotAuthenticated):
        caller_of({"type": "http"})
