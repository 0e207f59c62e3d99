"""Direct uploads to the bucket: `/api/v1/documents/` (contracts, section 5)."""

from collections.abc import Callable
from dataclasses import asdict, dataclass

from starlette.convertors import StringConvertor, register_url_convertor
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from services.ingest.api.accepted import status_url
from services.ingest.api.filenames import safe_filename
from services.ingest.api.unconfigured_store import store_not_configured_error
from services.ingest.documents.cases import DocumentCases
from services.ingest.documents.reader import FoundDocument
from services.ingest.documents.schemas import (
    DOCUMENTS,
    READ,
    REGISTER,
    SIGN,
    AddressSigned,
    AddressWanted,
    Document,
    DocumentWithAddress,
    PublicDocument,
    Registration,
)
from services.ingest.documents.upload_urls import AnnouncedFile
from shared.domain.caller import Caller, Permission
from shared.domain.clock import rfc3339
from shared.domain.errors import NotAllowed
from shared.domain.events import DocumentRegistered
from shared.domain.identifiers import SessionKey, parse_identifier
from shared.domain.upload_kind import RegisteredDocument
from shared.http.api_group import ApiRoute
from shared.http.body import BodyLimits, read_json
from shared.http.responses import json_response

_ROOT = "/api/v1/documents/"
_SIGN = "upload/generate-url"
_MOST_JSON = 64 * 1024
_FRESH = {"Cache-Control": "no-store"}


class _DocumentId(StringConvertor):
    """Matches slashes and line breaks too, so that the handler refuses them, but not the path of another route."""

    regex = rf"(?!{_SIGN}/?$)[\s\S]+?"


register_url_convertor("document", _DocumentId())


@dataclass(frozen=True, slots=True)
class DirectUploadPolicy:
    """Whether this server takes them: `enabled` by its operator, with a store `configured`."""

    enabled: bool
    configured: bool

    def require(self) -> None:
        """Raise NotAllowed or Unavailable where it does not, before any body is read."""
        if not self.enabled:
            raise NotAllowed("Direct uploads are switched off on this server.", code="direct_uploads_disabled")
        if not self.configured:
            raise store_not_configured_error()


def document_routes(
    cases: Callable[[], DocumentCases], taken: DirectUploadPolicy, *, limits: BodyLimits
) -> list[BaseRoute]:
    """Return the three routes; `limits` say how long a sender is waited for."""
    limits = limits.with_size(_MOST_JSON)

    async def sign(request: Request, caller: Caller) -> Response:
        taken.require()
        wanted = await read_json(request, AddressWanted, limits)
        file = AnnouncedFile(filename=wanted.filename, content_type=wanted.content_type, size=wanted.file_size)
        signed = await cases().addresses.sign(caller.tenant, file, wanted.expiration)
        body = AddressSigned(
            upload_url=signed.url,
            headers=signed.headers,
            object_key=signed.object_key,
            expires_at=rfc3339(signed.expires_at),
            public_url=signed.public_url,
        )
        return json_response(body, headers=_FRESH)

    async def register(request: Request, caller: Caller) -> Response:
        taken.require()
        file = _registered(await read_json(request, Registration, limits))
        key, document = await cases().registrations.register(caller.tenant, file)
        return json_response(_document(key, document), 201, {"Location": f"{_ROOT}{key.session}/"})

    async def read(request: Request, caller: Caller) -> Response:
        taken.require()
        key = SessionKey(caller.tenant, parse_identifier(request.path_params["document_id"], "document_id"))
        found = await cases().reader.read(key)
        return json_response(_with_address(_document(key, found.document), found), headers=_FRESH)

    write = Permission.AUDIO_WRITE
    return [
        *_with_and_without_slash(
            DOCUMENTS.route("POST", f"{_ROOT}{_SIGN}/", sign, required_permission=write, operation=SIGN)
        ),
        *_with_and_without_slash(
            DOCUMENTS.route("POST", _ROOT, register, required_permission=write, operation=REGISTER)
        ),
        *_with_and_without_slash(
            DOCUMENTS.route(
                "GET",
                f"{_ROOT}{{document_id:document}}/",
                read,
                required_permission=Permission.AUDIO_READ,
                operation=READ,
            )
        ),
    ]


def _with_and_without_slash(route: ApiRoute) -> list[BaseRoute]:
    """Take a path without its last slash as well: a redirect would cost the client its body, or its token."""
    return [route, Route(route.path.rstrip("/"), route.endpoint, methods=list(route.methods or ()))]


def _registered(wanted: Registration) -> RegisteredDocument:
    return RegisteredDocument(
        filename=safe_filename(wanted.filename),
        object_key=wanted.file_path,
        size_bytes=wanted.file_size,
        mime_type=wanted.mime_type,
    )


def _document(key: SessionKey, document: DocumentRegistered) -> Document:
    return Document(
        id=key.session,
        filename=document.filename,
        file_path=document.object_key,
        file_size=document.size_bytes,
        mime_type=document.mime_type,
        created_at=document.created_at,
        session_id=key.session,
        status_url=status_url(key),
    )


def _with_address(document: Document, found: FoundDocument) -> DocumentWithAddress:
    expires_at = rfc3339(found.expires_at)
    body = DocumentWithAddress(**asdict(document), download_url=found.download_url, expires_at=expires_at)
    return body if found.public_url is None else PublicDocument(**asdict(body), public_url=found.public_url)
