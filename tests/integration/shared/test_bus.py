"""The connection to the bus: what becomes of it while the server is not there, and when its client gives up."""

import asyncio
import os
import signal
import sys

from deploy.local.nats_server import NatsServer
from shared.domain.envelope import make_envelope
from shared.domain.events import AnalysisFailed
from shared.domain.identifiers import SessionKey
from shared.messaging.bus import open_bus
from shared.messaging.settings import BusConfig
from shared.observability.metrics import Metrics
from shared.observability.trace import new_trace
from tests.waiting import until

_LONG_WORDS = "x" * 100_000
_ENOUGH = 400  # such events, several times what the kernel's buffers and ours hold
CALL = SessionKey("default", "call")
EVENT = AnalysisFailed(code="internal", reason=_LONG_WORDS)


async def test_telling_a_server_that_stands_still_waits_for_nobody_and_what_does_not_fit_is_counted(
    private_nats: NatsServer,
) -> None:
    metrics = Metrics()
    async with open_bus(BusConfig(url=private_nats.url), service="test", metrics=metrics) as bus:
        await bus.wait_ready()
        assert private_nats.pid is not None
        os.kill(private_nats.pid, signal.SIGSTOP)
        try:
            async with asyncio.timeout(9):  # the library waits 10 s for a buffer that does not empty
                for number in range(_ENOUGH):
                    await bus.publish_nowait(make_envelope("test", CALL, EVENT, cause=str(number), trace=new_trace()))
                    await asyncio.sleep(0)
        finally:
            os.kill(private_nats.pid, signal.SIGCONT)
        await until(lambda: _dropped(metrics) > 0)
        assert bus.client.pending_data_size < 3 * 1024 * 1024


def _dropped(metrics: Metrics) -> float:
    return float(metrics.events_dropped._value.get())


_CLOSES = """
import asyncio, sys
from shared.bus import open_bus
from shared.metrics import Metrics
from shared.settings import BusConfig

async def main():
    async with open_bus(BusConfig(url=sys.argv[1]), service="test", metrics=Metrics()) as bus:
        await bus.wait_ready()
        await bus.client.close()
        await asyncio.Event().wait()

asyncio.run(main())
"""


async def test_a_client_that_closes_for_good_ends_its_process(nats_url: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", _CLOSES, nats_url), stdout=asyncio.subprocess.DEVNULL
    )
    async with asyncio.timeout(60):
        assert await process.wait() != 0
