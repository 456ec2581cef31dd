"""Decodes an uploaded text file: UTF-8, UTF-16 as spreadsheets write it, or Windows-1252."""

import codecs

BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


class UndecodableFile(ValueError):
    """The file is not text."""


def decode_text(content: bytes) -> str:
    """Decode a file with or without a byte order mark. Raises UndecodableFile.

    Excel writes "Unicode Text" as UTF-16 with a mark, "CSV UTF-8" with a mark, and "CSV" in the code page of the
    system, which is Windows-1252 in western Europe. A text of another code page shows in the preview.
    """
    bom, encoding = next(((bom, encoding) for bom, encoding in BOMS if content.startswith(bom)), (b"", ""))
    body = content[len(bom) :]
    for candidate in (encoding,) if encoding else (*detect_utf16(body), "utf-8", "cp1252"):
        try:
            text = body.decode(candidate)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise UndecodableFile("This is not a text file. Save the list as CSV or as text.")


def detect_utf16(body: bytes) -> tuple[str, ...]:
    """Detect the byte order of UTF-16 without a mark: where the zero bytes of plain letters are; empty for others."""
    even_zeros, odd_zeros = body[0::2].count(0), body[1::2].count(0)
    if len(body) % 2 or max(even_zeros, odd_zeros) < len(body) // 8:
        return ()
    if odd_zeros > 3 * even_zeros:
        return ("utf-16-le",)
    return ("utf-16-be",) if even_zeros > 3 * odd_zeros else ()
