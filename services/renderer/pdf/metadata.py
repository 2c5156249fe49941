"""What a document says of itself: information dictionary and XMP, which agree, as PDF/A wants (ISO 19005-3, 6.6)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from xml.sax.saxutils import escape

from services.renderer.pdf.structure import text_string

PRODUCER = "Akashi"
LANGUAGE = "ja-JP"


@dataclass(frozen=True)
class DocumentInfo:
    """Title, issuer, subject, day of issue, and the address of the page that verifies this document."""

    title: str
    author: str
    subject: str
    created_on: date
    address: str


def information(info: DocumentInfo) -> str:
    """The document information dictionary (ISO 32000-1, 14.3.3)."""
    day = f"({info.created_on:D:%Y%m%d000000+09'00'})"
    texts = {"Title": info.title, "Author": info.author, "Subject": info.subject, "Creator": info.author}
    entries = " ".join(f"/{name} {text_string(text)}" for name, text in texts.items())
    return f"<< {entries} /Producer ({PRODUCER}) /CreationDate {day} /ModDate {day} >>"


def xmp(info: DocumentInfo) -> bytes:
    """The same as XMP (ISO 16684-1), with the address as dc:identifier. PDF/A-3b and PDF/UA-1 are claimed here."""
    title, author, subject, address = map(escape, (info.title, info.author, info.subject, info.address))
    moment = f"{info.created_on.isoformat()}T00:00:00+09:00"
    return f"""<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmp="http://ns.adobe.com/xap/1.0/"\
 xmlns:pdf="http://ns.adobe.com/pdf/1.3/" xmlns:pdfaid="http://www.aiim.org/pdfa/ns/id/"\
 xmlns:pdfuaid="http://www.aiim.org/pdfua/ns/id/">
<pdfaid:part>3</pdfaid:part>
<pdfaid:conformance>B</pdfaid:conformance>
<pdfuaid:part>1</pdfuaid:part>
<dc:identifier>{address}</dc:identifier>
<dc:format>application/pdf</dc:format>
<dc:title><rdf:Alt><rdf:li xml:lang="x-default">{title}</rdf:li></rdf:Alt></dc:title>
<dc:creator><rdf:Seq><rdf:li>{author}</rdf:li></rdf:Seq></dc:creator>
<dc:description><rdf:Alt><rdf:li xml:lang="x-default">{subject}</rdf:li></rdf:Alt></dc:description>
<dc:language><rdf:Bag><rdf:li>{LANGUAGE}</rdf:li></rdf:Bag></dc:language>
<pdf:Producer>{PRODUCER}</pdf:Producer>
<xmp:CreatorTool>{author}</xmp:CreatorTool>
<xmp:CreateDate>{moment}</xmp:CreateDate>
<xmp:ModifyDate>{moment}</xmp:ModifyDate>
</rdf:Description>
{_EXTENSION}
</rdf:RDF>
</x:xmpmeta>
<?xpacket end="r"?>""".encode()


_EXTENSION = """\
<rdf:Description rdf:about="" xmlns:pdfaExtension="http://www.aiim.org/pdfa/ns/extension/"\
 xmlns:pdfaSchema="http://www.aiim.org/pdfa/ns/schema#" xmlns:pdfaProperty="http://www.aiim.org/pdfa/ns/property#">
<pdfaExtension:schemas><rdf:Bag><rdf:li rdf:parseType="Resource">
<pdfaSchema:schema>PDF/UA identification schema</pdfaSchema:schema>
<pdfaSchema:namespaceURI>http://www.aiim.org/pdfua/ns/id/</pdfaSchema:namespaceURI>
<pdfaSchema:prefix>pdfuaid</pdfaSchema:prefix>
<pdfaSchema:property><rdf:Seq><rdf:li rdf:parseType="Resource">
<pdfaProperty:name>part</pdfaProperty:name>
<pdfaProperty:valueType>Integer</pdfaProperty:valueType>
<pdfaProperty:category>internal</pdfaProperty:category>
<pdfaProperty:description>Part of ISO 14289 that the document conforms to</pdfaProperty:description>
</rdf:li></rdf:Seq></pdfaSchema:property>
</rdf:li></rdf:Bag></pdfaExtension:schemas>
</rdf:Description>"""
"""PDF/A allows no property that it doesn't know, unless its schema is described (ISO 19005-3, 6.6.2.3)."""
