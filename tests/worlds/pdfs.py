"""PDFs as the holder of a badge mails them: a printed certificate that names its page, and others that don't."""

from __future__ import annotations

import io

import pikepdf
from reportlab.pdfgen.canvas import Canvas


def printed(*links: str, identifier: str | None = None, pages: int = 1) -> bytes:
    """A PDF with links over a drawing, and the XMP `dc:identifier`, where given. Nothing is attached."""
    buffer = io.BytesIO()
    canvas = Canvas(buffer)
    for number in range(pages):
        canvas.drawString(72, 720, "certificate")
        for place, link in enumerate(links if number == pages - 1 else ()):
            canvas.linkURL(link, (72, 100 + 60 * place, 122, 150 + 60 * place))
        canvas.showPage()
    canvas.save()
    if identifier is None:
        return buffer.getvalue()
    document, named = pikepdf.open(io.BytesIO(buffer.getvalue())), io.BytesIO()
    with document.open_metadata() as metadata:
        metadata["dc:identifier"] = identifier
    document.save(named)
    return named.getvalue()
