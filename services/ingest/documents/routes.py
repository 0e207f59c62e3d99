"""Direct uploads to the bucket: `/api/v1/documents/` (docs/contracts.md, section 5)."""

from dataclasses import asdict, dataclass
from typing import TypedDict

from starlette.convertors import StringConvertor, register_url_convertor
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from services.ingest.api.accepted import status_url
from services.ingest.api.filenames import safe_filename
from services.ingest.api.unconfigured_store import store_not_configured_error
from services.ingest.documents.reader import DocumentReader, FoundDocument
from services.ingest.documents.registrations import DocumentRegistrar
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
from services.ingest.documents.upload_urls import AnnouncedFile, UploadUrlSigner
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
_NO_STORE = {"Cache-Control": "no-store"}


class _DocumentId(StringConvertor):
    """Matches slashes and line breaks too, which the handler rejects, but not the path of another route."""

    regex = rf"(?!{_SIGN}/?$)[\s\S]+?"


register_url_convertor("document", _DocumentId())


@dataclass(frozen=True, slots=True)
class DirectUploadPolicy:
    """Whether direct uploads are `enabled` by the operator, and a store `configured`."""

    enabled: bool
    configured: bool

    def check(self) -> None:
        """Raise NotAllowed unless enabled, and Unavailable unless configured; call it before the body is read."""
        if not self.enabled:
            raise NotAllowed("Direct uploads are switched off on this server.", code="direct_uploads_disabled")
        if not self.configured:
            raise store_not_configured_error()


class DocumentsState(TypedDict):
    """What the handlers use of the lifespan state."""

    direct_uploads: DirectUploadPolicy
    url_signer: UploadUrlSigner
    document_registrar: DocumentRegistrar
    document_reader: DocumentReader
    json_limits: BodyLimits


async def generate_url(request: Request[DocumentsState], caller: Caller) -> Response:
    """Return a signed URL for one PUT into the bucket."""
    request.state["direct_uploads"].check()
    wanted = await read_json(request, AddressWanted, request.state["json_limits"])
    file = AnnouncedFile(filename=wanted.filename, content_type=wanted.content_type, size=wanted.file_size)
    signed = await request.state["url_signer"].sign(caller.tenant, file, wanted.expiration)
    body = AddressSigned(
        upload_url=signed.url,
        headers=signed.headers,
        object_key=signed.object_key,
        expires_at=rfc3339(signed.expires_at),
        public_url=signed.public_url,
    )
    return json_response(body, headers=_NO_STORE)


async def register_document(request: Request[DocumentsState], caller: Caller) -> Response:
    """Register an object of the bucket as a document; audio becomes a recording."""
    request.state["direct_uploads"].check()
    file = _registered(await read_json(request, Registration, request.state["json_limits"]))
    key, document = await request.state["document_registrar"].register(caller.tenant, file)
    return json_response(_document(key, document), 201, {"Location": f"{_ROOT}{key.session}/"})


async def read_document(request: Request[DocumentsState], caller: Caller) -> Response:
    """Return a document with a signed download URL."""
    request.state["direct_uploads"].check()
    key = SessionKey(caller.tenant, parse_identifier(request.path_params["document_id"], "document_id"))
    found = await request.state["document_reader"].read(key)
    return json_response(_with_address(_document(key, found.document), found), headers=_NO_STORE)


def _with_and_without_slash(route: ApiRoute) -> list[BaseRoute]:
    """Return the route with and without its trailing slash: a redirect may drop the client's body or token."""
    return [route, Route(route.path.rstrip("/"), route.endpoint, methods=list(route.methods or ()))]


_READ, _WRITE = Permission.AUDIO_READ, Permission.AUDIO_WRITE

ROUTES = [
    *_with_and_without_slash(
        DOCUMENTS.route("POST", f"{_ROOT}{_SIGN}/", generate_url, required_permission=_WRITE, operation=SIGN)
    ),
    *_with_and_without_slash(
        DOCUMENTS.route("POST", _ROOT, register_document, required_permission=_WRITE, operation=REGISTER)
    ),
    *_with_and_without_slash(
        DOCUMENTS.route(
            "GET", f"{_ROOT}{{document_id:document}}/", read_document, required_permission=_READ, operation=READ
        )
    ),
]


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
