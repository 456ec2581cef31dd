"""Forms with a file: multipart bodies (RFC 7578), larger than those of other pages."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, HTTPException, Request
from starlette.datastructures import UploadFile

from api.http.form_body import REPEATED_MESSAGE, UNREADABLE_MESSAGE
from api.pages.rendering.page_route import PageRoute

MAX_BYTES = 512 * 1024  # a thousand recipients in UTF-16
MAX_FIELDS = 20
MEDIA_TYPE = "multipart/form-data"


class UploadRoute(PageRoute):
    """A page's route that takes a file."""

    max_body_bytes = MAX_BYTES


@dataclass(frozen=True)
class UploadForm:
    """The fields of a multipart form: its texts, in which each line break is one LF, and the content of its file."""

    texts: dict[str, str]
    file: bytes = b""

    def get_value(self, name: str) -> str:
        """Return the value of a text field; "" if it is missing."""
        return self.texts.get(name, "")


async def read_upload_form(request: Request) -> UploadForm:
    """Read a multipart form with at most one file. Raises HTTPException."""
    if not await request.body():
        return UploadForm({})
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != MEDIA_TYPE:
        raise HTTPException(400, UNREADABLE_MESSAGE)
    texts: dict[str, str] = {}
    content = b""
    async with request.form(max_files=1, max_fields=MAX_FIELDS, max_part_size=MAX_BYTES) as form:
        for name, value in form.multi_items():
            if isinstance(value, UploadFile):
                content = await value.read()
            elif name in texts:
                raise HTTPException(400, REPEATED_MESSAGE)
            else:
                texts[name] = value.replace("\r\n", "\n")
    return UploadForm(texts, content)


Upload = Annotated[UploadForm, Depends(read_upload_form)]
