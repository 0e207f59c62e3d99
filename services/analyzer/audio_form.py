"""Parses the form of a one-shot analysis while it arrives: one audio file; its extension is checked first."""

from collections.abc import Sequence
from typing import Any

from starlette.requests import Request

from services.analyzer.memory_file import MemoryFile
from shared.domain.errors import InvalidInput, RoomtoneError, TooLarge
from shared.http.body import BodyLimits, reject_encoded_body
from shared.http.multipart import BAD_FIELD, Field, FileStart, SingleFileForm, boundary_of

FILE_FIELD = "audio"
_MIB = 1024 * 1024


class AudioForm:
    """One `multipart/form-data` request with an audio file.

    The constructor reads the headers alone and raises InvalidInput or TooLarge for what is wrong in them. `limits` are
    the file's; its name must end in one of `extensions`, which are in lower case.
    """

    def __init__(self, request: Request[Any], limits: BodyLimits, extensions: Sequence[str]) -> None:
        self._form = SingleFileForm(
            request,
            limits,
            boundary=_boundary(request),
            file_fields=(FILE_FIELD,),
            too_large=f"The file may have at most {limits.size / _MIB:g} MB.",
        )
        self._extensions = extensions
        self._file_started = False

    async def read_into(self, file: MemoryFile) -> None:
        """Append the audio file's bytes to `file`, counted against the limit.

        Raises InvalidInput for an extension that is not allowed, and what `SingleFileForm.events` raises.
        """
        try:
            await self._read(file)
        except (InvalidInput, TooLarge) as exc:
            if exc.code == BAD_FIELD and not self._file_started:  # most likely the file, under another name
                raise _missing() from exc
            raise

    async def _read(self, file: MemoryFile) -> None:
        async for event in self._form.events():
            match event:
                case FileStart(_, filename):
                    self._start_file(filename)
                case Field():
                    pass
                case _:
                    file.add(event)

    def _start_file(self, filename: str) -> None:
        self._file_started = True
        if _extension(filename) not in self._extensions:
            raise InvalidInput(f"Supported formats: {', '.join(self._extensions)}", code="bad_extension")


def _boundary(request: Request[Any]) -> str:
    reject_encoded_body(request)
    boundary = boundary_of(request.headers.get("content-type", ""))
    if boundary is None:
        raise InvalidInput(f"Send multipart/form-data with a file field {FILE_FIELD!r}.", code="missing_file")
    return boundary


def _extension(filename: str) -> str:
    """Return what comes after the last dot, in lower case; empty if there is none."""
    return filename.rpartition(".")[2].lower() if "." in filename else ""


def _missing() -> RoomtoneError:
    return InvalidInput(f"Send the recording as the form's file {FILE_FIELD!r}.", code="missing_file")
