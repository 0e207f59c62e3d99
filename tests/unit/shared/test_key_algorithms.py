import json
import time
from base64 import urlsafe_b64encode

import pytest
from joserfc import jws

from shared.auth.errors import RejectReason, TokenRejected
from shared.auth.policy import TokenPolicy
from shared.auth.tokens import parse_token, verify_token
from shared.auth.verification_keys import keys_from_set
from tests.tokens import AUDIENCE, ISSUER, good_claims, signing_key

BOTH = frozenset({"RS256", "PS256"})
POLICY = TokenPolicy(algorithms=BOTH, issuer=ISSUER, audience=AUDIENCE)


@pytest.mark.parametrize(("algorithm", "good"), [("RS256", True), ("PS256", False)])
def test_a_key_that_is_published_for_one_algorithm_verifies_no_other(algorithm: str, good: bool) -> None:  # noqa: FBT001  # a case
    jwk = signing_key().as_dict(private=False) | {"alg": "RS256"}
    keys = keys_from_set(json.dumps({"keys": [jwk]}).encode(), BOTH)
    registry = jws.JWSRegistry(algorithms=[*BOTH])
    text = jws.serialize_compact({"alg": algorithm}, json.dumps(good_claims()), signing_key(), registry=registry)
    token = parse_token(text, POLICY)
    if good:
        assert verify_token(token, keys, POLICY, time.time()).tenant
    else:
        with pytest.raises(TokenRejected):
            verify_token(token, keys, POLICY, time.time())


def test_a_token_in_an_algorithm_that_is_not_allowed_is_refused_before_any_key_is_looked_for() -> None:
    text = jws.serialize_compact({"alg": "RS256"}, json.dumps(good_claims()), signing_key())
    with pytest.raises(TokenRejected) as refused:
        parse_token(text, TokenPolicy(algorithms=frozenset({"PS256"}), issuer=ISSUER, audience=AUDIENCE))
    assert refused.value.reason is RejectReason.ALGORITHM


def test_a_published_key_that_is_short_enough_to_be_broken_is_of_no_use() -> None:
    modulus = urlsafe_b64encode((2**1023 + 1).to_bytes(128, "big")).rstrip(b"=").decode()
    with pytest.raises(ValueError, match="no usable key"):
        keys_from_set(json.dumps({"keys": [{"kty": "RSA", "n": modulus, "e": "AQAB"}]}).encode(), BOTH)
