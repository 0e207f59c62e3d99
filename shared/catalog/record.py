"""The catalog's record of a session: its events applied one after another, from which its status is made."""

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
    """The catalog's record of a session; times are RFC 3339, transcripts and evidence are left out.

    `told_lead` is the lead that its events name, None also in records of older versions: use `lead`.
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
        """The lead of a call recording, otherwise None."""
        return self.told_lead or lead_of(self.ended.intake.purpose if self.ended and self.ended.intake else None)


def apply_event(record: CatalogRecord | None, envelope: Envelope) -> CatalogRecord:
    """Return the record after one more event; repeated and unknown events change nothing.

    Events may come in any order, as they do when a catalog is rebuilt; a later result of the same session replaces an
    earlier one (a failure that was retried).
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
            first = record.document or event  # if two register one object at once, both get the first
            return replace(record, document=first, created_at=min(record.created_at, first.created_at))
        case AudioReady() | AudioFailed():
            if record.ended_at is not None and record.ended_at > time:
                return record
            opened_at = event.intake.opened_at if event.intake else ""
            return replace(record, ended=event, ended_at=time, created_at=min(record.created_at, opened_at or time))
        case SessionExpired():
            return replace(record, expired=event)
        case AnalysisCompleted():
            return replace(record, analysis=replace(event, transcript=(), evidence=()))
        case AnalysisFailed():
            return _after_failed_analysis(record, event)
        case _:
            return record


def _after_failed_analysis(record: CatalogRecord, event: AnalysisFailed) -> CatalogRecord:
    """Return the record after a failure, which takes away neither a score nor a transcript that is stored."""
    match record.analysis:
        case AnalysisCompleted():
            return record
        case AnalysisFailed(result=earlier):
            return replace(record, analysis=replace(event, result=event.result or earlier))
        case None:
            return replace(record, analysis=event)
