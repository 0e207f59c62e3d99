"""What the two calls to a model service do with everything that a service can answer."""

import asyncio
import traceback
from collections.abc import Awaitable, Callable

import pytest

from services.analyzer.openai_api.budget import BudgetLimits, Spending
from services.analyzer.openai_api.errors import BudgetReached, Misconfigured, RequestRefused, UnreadableAnswer
from services.analyzer.openai_api.service import JsonSchema, ModelService
from shared.domain.errors import RoomtoneError, Unavailable
from tests.integration.analyzer.fake_openai import (
    CUT,
    DRIP,
    HANG,
    KEY,
    PROVIDER_TEXT,
    FakeOpenAI,
    Reply,
    failure,
    gzip_bomb,
    judged,
    redirect,
)
from tests.integration.analyzer.model_services import open_service
from tests.integration.analyzer.speech import speech_sample
from tests.unit.analyzer.memory_ledger import MemoryLedger

SCHEMA = JsonSchema("grades", {"type": "object", "properties": {}, "required": [], "additionalProperties": False})
SECOND = speech_sample()[:32_000]
SAID = "You are late again."

Call = Callable[..., Awaitable[str]]


async def transcribe(service: ModelService, *, timeout: float = 10.0) -> str:  # noqa: ASYNC109
    return await service.transcribe(SECOND, model="whisper-1", with_times=True, timeout=timeout)


async def complete(service: ModelService, *, timeout: float = 10.0) -> str:  # noqa: ASYNC109
    return await service.complete([{"role": "user", "content": SAID}], model="m", schema=SCHEMA, timeout=timeout)


both = pytest.mark.parametrize("call", [transcribe, complete])


async def failing(working: Awaitable[str]) -> RoomtoneError:
    async with asyncio.timeout(20):
        with pytest.raises(RoomtoneError) as failed:
            await working
    return failed.value


@both
@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, RequestRefused),
        (401, Misconfigured),
        (403, Misconfigured),
        (404, Misconfigured),
        (405, Misconfigured),
        (413, RequestRefused),
        (422, RequestRefused),
    ],
)
async def test_an_error_that_a_retry_can_not_change_is_permanent(
    openai_server: FakeOpenAI, model_service: ModelService, call: Call, status: int, kind: type[Exception]
) -> None:
    openai_server.will_reply(failure(status))
    error = await failing(call(model_service))
    assert type(error) is kind
    assert error.code == ("model_credentials" if status in {401, 403} else "model_refused")
    assert len(openai_server.requests) == 1


@both
@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503])
async def test_a_busy_or_failing_service_is_retried_and_then_unavailable(
    openai_server: FakeOpenAI, model_service: ModelService, call: Call, status: int
) -> None:
    openai_server.will_reply(failure(status), failure(status), Reply({"text": SAID}))
    assert SAID in await call(model_service)
    openai_server.will_reply(failure(status))
    error = await failing(call(model_service))
    assert type(error) is Unavailable
    assert error.code == "model_busy"
    assert len(openai_server.requests) == 6


@both
@pytest.mark.parametrize("reply", [HANG, DRIP], ids=["hang", "drip"])
async def test_a_slow_answer_is_given_up_within_the_deadline(
    openai_server: FakeOpenAI, call: Call, reply: Reply
) -> None:
    openai_server.will_reply(reply)
    async with open_service(openai_server.base_url, retries=5) as service:
        error = await failing(call(service, timeout=0.2))
    assert (type(error), error.code) == (Unavailable, "model_timeout")


@both
async def test_the_retries_after_a_try_that_hangs_are_within_the_same_deadline(
    openai_server: FakeOpenAI, call: Call
) -> None:
    openai_server.will_reply(HANG, Reply({"text": SAID}))
    async with open_service(openai_server.base_url, retries=5) as service:
        error = await failing(call(service, timeout=1.0))
    assert (type(error), error.code) == (Unavailable, "model_timeout")
    assert len(openai_server.requests) == 1


@both
async def test_before_the_retry_after_no_retry_is_sent(openai_server: FakeOpenAI, call: Call) -> None:
    openai_server.will_reply(Reply({}, 429, {"retry-after": "100"}), Reply({"text": SAID}))
    async with open_service(openai_server.base_url, retries=5) as service:
        error = await failing(call(service, timeout=0.2))
    assert (type(error), error.code) == (Unavailable, "model_timeout")
    assert len(openai_server.requests) == 1


@both
async def test_a_connection_that_is_cut_is_tried_again_and_then_unavailable(
    openai_server: FakeOpenAI, call: Call
) -> None:
    openai_server.will_reply(CUT)
    async with open_service(openai_server.base_url, retries=1) as service:
        error = await failing(call(service))
    assert (type(error), error.code) == (Unavailable, "model_unreachable")
    assert len(openai_server.requests) == 2


@both
async def test_an_unreachable_service_is_unavailable(call: Call) -> None:
    async with open_service("http://127.0.0.1:9/v1", retries=0) as service:
        error = await failing(call(service))
    assert (type(error), error.code) == (Unavailable, "model_unreachable")


@both
async def test_a_redirect_is_not_followed(openai_server: FakeOpenAI, model_service: ModelService, call: Call) -> None:
    elsewhere = FakeOpenAI()
    elsewhere.will_reply(Reply({"text": SAID}))
    async with elsewhere.serving():
        for to in (f"{elsewhere.base_url}/chat/completions", f"{openai_server.base_url}/chat/completions"):
            openai_server.will_reply(redirect(to))
            error = await failing(call(model_service))
            assert (type(error), error.code) == (Misconfigured, "model_redirected")
    assert elsewhere.requests == []
    assert len(openai_server.requests) == 2


@both
@pytest.mark.parametrize(
    "reply",
    [
        Reply(" " * 5_000_000),
        Reply(" " * 5_000_000, 500),
        gzip_bomb(64),
        Reply(b"\x28\xb5", 200, {"content-encoding": "zstd"}),
    ],
    ids=["huge", "huge error", "gzip bomb", "other encoding"],
)
async def test_an_answer_is_bounded_and_never_unpacked(
    openai_server: FakeOpenAI, model_service: ModelService, call: Call, reply: Reply
) -> None:
    openai_server.will_reply(reply)
    assert type(await failing(call(model_service))) is UnreadableAnswer
    assert len(openai_server.requests) == 1


@both
@pytest.mark.parametrize("reply", [Reply(SAID, 200, {"content-type": "text/plain"}), Reply(b"\xff\xfe"), Reply("")])
async def test_a_body_of_any_type_comes_as_text(
    openai_server: FakeOpenAI, model_service: ModelService, call: Call, reply: Reply
) -> None:
    openai_server.will_reply(reply)
    assert isinstance(await call(model_service), str)


@both
@pytest.mark.parametrize(
    "reply", [failure(401), failure(400), failure(500), gzip_bomb(1), redirect(f"https://evil.test/{KEY}")]
)
async def test_neither_the_key_nor_the_providers_text_is_in_an_error_or_in_the_logs(
    openai_server: FakeOpenAI,
    model_service: ModelService,
    call: Call,
    reply: Reply,
    capfd: pytest.CaptureFixture[str],
) -> None:
    openai_server.will_reply(reply)
    shown = "".join(traceback.format_exception(await failing(call(model_service)))) + "".join(capfd.readouterr())
    for secret in (KEY, PROVIDER_TEXT, SAID, "evil.test"):
        assert secret not in shown


async def test_calls_over_the_days_budget_are_not_made(openai_server: FakeOpenAI) -> None:
    openai_server.will_reply(Reply({"text": SAID}))
    async with open_service(openai_server.base_url, limits=BudgetLimits(seconds=2)) as service:
        await transcribe(service)
        await transcribe(service)
        assert type(await failing(transcribe(service))) is BudgetReached
        await complete(service)
    assert len(openai_server.requests) == 3


async def test_tokens_count_as_the_answer_says(openai_server: FakeOpenAI) -> None:
    ledger = MemoryLedger()
    openai_server.will_reply(judged("{}", tokens=1234))
    async with open_service(openai_server.base_url, limits=BudgetLimits(tokens=1500), ledger=ledger) as service:
        await complete(service)
        assert ledger.spent == Spending(tokens=1234)
        assert type(await failing(complete(service))) is BudgetReached
    assert len(openai_server.requests) == 1


@both
async def test_what_the_service_refused_or_never_got_costs_nothing(openai_server: FakeOpenAI, call: Call) -> None:
    ledger = MemoryLedger()
    limits = BudgetLimits(seconds=1000, tokens=100_000)
    openai_server.will_reply(failure(400))
    async with open_service(openai_server.base_url, limits=limits, ledger=ledger) as service:
        await failing(call(service))
    async with open_service("http://127.0.0.1:9/v1", retries=0, limits=limits, ledger=ledger) as service:
        await failing(call(service))
    assert ledger.spent == Spending()


@both
async def test_what_may_have_been_worked_on_costs_its_estimate(openai_server: FakeOpenAI, call: Call) -> None:
    ledger = MemoryLedger()
    limits = BudgetLimits(seconds=1000, tokens=100_000)
    openai_server.will_reply(HANG)
    async with open_service(openai_server.base_url, limits=limits, ledger=ledger) as service:
        await failing(call(service, timeout=0.2))
    assert ledger.spent != Spending()
