"""The connection to the bus while the server hangs, and when the client closes for good."""

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

_EVENTS = 400  # of 100 kB: several times what the kernel's buffers and the client's hold
CALL = SessionKey("default", "call")
EVENT = AnalysisFailed(code="internal", reason="x" * 100_000)


async def test_publishing_to_a_server_that_hangs_does_not_wait_and_dropped_events_are_counted(
    private_nats: NatsServer,
) -> None:
    metrics = Metrics()
    async with open_bus(BusConfig(url=private_nats.url), service="test", metrics=metrics) as bus:
        await bus.wait_ready()
        assert private_nats.pid is not None
        os.kill(private_nats.pid, signal.SIGSTOP)
        try:
            async with asyncio.timeout(9):  # the library waits 10 s for a buffer that does not empty
                for number in range(_EVENTS):
                    await bus.publish_nowait(make_envelope("test", CALL, EVENT, cause=str(number), trace=new_trace()))
                    await asyncio.sleep(0)
        finally:
            os.kill(private_nats.pid, signal.SIGCONT)
        await until(lambda: _dropped(metrics) > 0)
        assert bus.client.pending_data_size < 3 * 1024 * 1024


def _dropped(metrics: Metrics) -> float:
    return float(metrics.events_dropped._value.get())


_CLOSES_ITS_CLIENT = """
import asyncio, sys
from shared.messaging.bus import open_bus
from shared.messaging.settings import BusConfig
from shared.observability.metrics import Metrics

async def main():
    async with open_bus(BusConfig(url=sys.argv[1]), service="test", metrics=Metrics()) as bus:
        await bus.wait_ready()
        await bus.client.close()
        await asyncio.Event().wait()

asyncio.run(main())
"""


async def test_a_client_that_closes_for_good_stops_its_process(nats_url: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", _CLOSES_ITS_CLIENT, nats_url), stdout=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(60):
        output, _ = await process.communicate()
    assert process.returncode != 0
    assert b"bus connected" in output
    assert b"closed for good" in output


async def test_a_bus_that_is_closed_at_any_moment_of_its_connecting_ends(nats_url: str) -> None:
    for steps in range(60):
        async with asyncio.timeout(10), open_bus(BusConfig(url=nats_url), service="test", metrics=Metrics()):
            for _ in range(steps):
                await asyncio.sleep(0)
