"""What is known of a recording: its events folded into one entry, from which its status is told."""

from dataclasses import dataclass, replace

from shared.domain.clock import rfc3339
from shared.domain.envelope import Envelope
from shared.domain.events import (
    AnalysisCompleted,
    AnalysisFailed,
    AudioFailed,
    AudioReady,
    DocumentRegistered,
    Event,
    SessionExpired,
)
from shared.domain.upload_kind import lead_of

AudioOutcome = AudioReady | AudioFailed
AnalysisOutcome = AnalysisCompleted | AnalysisFailed


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogRecord:
    """A session's entry in the catalog; times are RFC 3339, transcripts are left out.

    `told_lead` is the lead that its events name, None also in records of older versions: ask `lead`.
    """

    tenant: str
    session: str
    created_at: str
    updated_at: str
    document: DocumentRegistered | None = None
    ended: AudioOutcome | None = None
    ended_at: str | None = None
    analysis: AnalysisOutcome | None = None
    told_lead: str | None = None
    expired: SessionExpired | None = None

    @property
    def lead(self) -> str | None:
        """Whose call this is a recording of, None for what is no lead's."""
        return self.told_lead or lead_of(self.ended.intake.purpose if self.ended and self.ended.intake else None)


def apply_event(record: CatalogRecord | None, envelope: Envelope) -> CatalogRecord:
    """Return the record after one more event; the same event twice changes nothing, unknown ones neither.

    Events may come in any order, as they do when a catalog is rebuilt; a later end of the same session replaces an
    earlier one (a failure that was tried again).
    """
    time = rfc3339(envelope.time)
    before = record or CatalogRecord(
        tenant=envelope.key.tenant, session=envelope.key.session, created_at=time, updated_at=time
    )
    after = replace(
        before,
        updated_at=max(before.updated_at, time),
        created_at=min(before.created_at, time),
        told_lead=before.told_lead or envelope.lead,
    )
    return _apply(after, envelope.event, time)


def _apply(record: CatalogRecord, event: Event, time: str) -> CatalogRecord:
    match event:
        case DocumentRegistered():
            first = record.document or event  # of two that register one object at once, both find the same
            return replace(record, document=first, created_at=min(record.created_at, first.created_at))
        case AudioReady() | AudioFailed():
            if record.ended_at is not None and record.ended_at > time:
                return record
            opened_at = event.intake.opened_at if event.intake else ""
            return replace(record, ended=event, ended_at=time, created_at=min(record.created_at, opened_at or time))
        case SessionExpired():
            return replace(record, expired=event)
        case AnalysisCompleted():
            return replace(record, analysis=replace(event, transcript=()))
        case AnalysisFailed():
            return record if isinstance(record.analysis, AnalysisCompleted) else replace(record, analysis=event)
        case _:
            return record
