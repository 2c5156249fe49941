"""The list for the shipper: one line a parcel's item, as CSV that spreadsheets and shippers' programs read. Pure."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from services.wallet.domain.postal import PostalAddress
from shared.errors import AkashiError
from shared.paper_events import PaperItem, PaperState
from shared.plain_text import cell

Encoding = Literal["utf-8", "cp932"]


class NotInCp932(AkashiError):
    """CP932 lacks a character of some lines: take UTF-8."""


@dataclass(frozen=True)
class ShippingLine:
    order_id: str
    item: PaperItem
    state: PaperState
    sheet_id: str | None
    address: PostalAddress | None  # None: lost by a restore, or deleted after its time


HEADS = ("申込番号", "品目", "郵便番号", "都道府県", "住所", "宛名", "電話番号", "状態", "印刷シート")

# The same signs under the code points that CP932 has for them (the WAVE DASH problem).
_AS_CP932 = str.maketrans("〜−‖—¢£¬", "～－∥―￠￡￢")


def shipping_csv(lines: Sequence[ShippingLine], encoding: Encoding) -> bytes:
    """With heads, CRLF; UTF-8 with its mark, or CP932. A cell that a spreadsheet took for a formula is a text.

    NotInCp932, with the order numbers, where CP932 lacks a character: none is left out or replaced.
    """
    rows = [_row(line) for line in lines]
    if encoding == "cp932":
        rows = [[each.translate(_AS_CP932) for each in row] for row in rows]
        at_fault = [line.order_id for line, row in zip(lines, rows, strict=True) if not _is_cp932("".join(row))]
        if at_fault:
            raise NotInCp932(
                f"got characters that CP932 lacks in the orders {', '.join(sorted(set(at_fault)))}; expected an"
                " encoding that has them: utf-8"
            )
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(HEADS)
    writer.writerows(rows)
    return text.getvalue().encode("utf-8-sig" if encoding == "utf-8" else "cp932")


def _row(line: ShippingLine) -> list[str]:
    it = line.address or PostalAddress()
    cells = (line.order_id, line.item, it.postcode, it.prefecture, it.line, it.addressee, it.phone, line.state)
    return [cell(text) for text in (*cells, line.sheet_id or "")]


def _is_cp932(text: str) -> bool:
    try:
        text.encode("cp932")
    except UnicodeEncodeError:
        return False
    return True
