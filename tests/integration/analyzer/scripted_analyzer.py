"""An analyzer without models: it gives the lines and the score that a test wants, for any recording."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace

from services.analyzer.analyze import AnalysisResult, Analyzer
from services.analyzer.worker import AnalysisWorker
from shared.catalog.catalog import Catalog
from shared.catalog.event_store import EventStore
from shared.domain.analysis import Analysis, Evidence, TimelineWindow, TranscriptLine
from shared.messaging.bus import Bus
from shared.storage.object_store import ObjectStore
from tests.integration.shared.test_decode import POLICY
from tests.unit.analyzer.transcribed import transcribed

LINES = (
    TranscriptLine(start=0.5, end=1.5, text="You promised me a call back."),
    TranscriptLine(start=2.0, end=3.25, text="I am sorry about that."),
)
SCORE = Analysis(
    temperature=44,
    confidence=0.5,
    summary="Tense.",
    scorer="scripted",
    reason_codes=("blame",),
    evidence=(Evidence(start=0.5, end=1.5, channel=None, quote="You promised me", reason="blame"),),
    timeline=(TimelineWindow(start=0, end=10, temperature=44),),
    silence_seconds=0.75,
)


class ScriptedAnalyzer(Analyzer):
    """Reads the recording to its end, does what `meanwhile` says, and gives the script; `calls` counts."""

    def __init__(
        self,
        *,
        lines: Sequence[TranscriptLine] = LINES,
        analysis: Analysis = SCORE,
        foreign: bool = False,
        meanwhile: Callable[[], Awaitable[object]] | None = None,
    ) -> None:
        self.calls = 0
        self.lines = lines
        self._analysis = analysis
        self._foreign = foreign
        self._meanwhile = meanwhile

    async def analyze(self, wav: AsyncIterator[bytes], **_more: object) -> AnalysisResult:
        self.calls += 1
        async for _ in wav:
            pass
        if self._meanwhile is not None:
            await self._meanwhile()
        return AnalysisResult(replace(transcribed(self.lines), foreign=self._foreign), self._analysis)


def scripted_worker(bus: Bus, store: ObjectStore, analyzer: Analyzer) -> AnalysisWorker:
    """The analyzer's worker on a bus and a bucket."""
    return AnalysisWorker(bus, EventStore(bus, store, Catalog(bus, replicas=1)), analyzer, POLICY)
