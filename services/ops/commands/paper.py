"""Orders of paper: `akashi paper list`, `counts`, `sheets`, the steps, and what the wallet hands out to the office."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import click

from services.ops.board import paper as words
from services.ops.board.wording import words_for
from services.ops.commands.waiting import attribution, exit_code, settled
from shared.errors import AkashiError
from shared.paper_events import PAPER_ITEMS, PAPER_STATES
from shared.runtime.commands import json_option, say, say_json, say_row

if TYPE_CHECKING:
    import httpx

    from services.ops.board.decisions import DecisionLine

_item = click.option(
    "--item", type=click.Choice(PAPER_ITEMS), help="この品目だけ：登録証、カード。 / Only this: certificate, card."
)
_out = click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    help="書き込むファイル。 / File to write.",
)


@click.group("paper", short_help="紙の登録証とカードの申し込み / Orders of paper")
def paper() -> None:
    """紙の登録証とカードの申し込みを、入金・印刷・発送へまとめて進めます。

    Orders of certificates and cards on paper: the list, the steps for many at once, print sheets, addresses.
    """


@paper.command("list", short_help="一覧 / List the items")
@click.option("--state", type=click.Choice(PAPER_STATES), help="この状態のものだけ。 / Only those in this state.")
@_item
@json_option
def list_(state: str | None, item: str | None, as_json: bool) -> None:
    """申込番号/品目・状態・保留の理由・氏名・登録番号・シート・追跡番号です。古い申し込みから順に出します。

    Columns: order/item, state, held because, name, registration number, sheet, tracking number. The oldest first; with
    --json one JSON object a line. Postal addresses: akashi paper addresses.
    """
    from services.ops.board.paper import PaperRow
    from services.ops.commands.client import fetch

    found = fetch("/api/v1/paper", list[PaperRow], state=state, item=item)
    for row in found:
        if as_json:
            say_json(row)
        else:
            number = row.registration_number
            say_row(row.id, row.state, row.held, row.name, number, row.sheet_id, row.tracking)
    if not found and not as_json:
        say("ありません。 / None.", err=True)


@paper.command(short_help="状態ごとの数 / How many are in each state")
@json_option
def counts(as_json: bool) -> None:
    """品目・状態・数・そのうち保留です。 / Columns: item, state, number, held of these."""
    from services.ops.board.paper import PaperCount
    from services.ops.commands.client import fetch

    for each in fetch("/api/v1/paper/counts", list[PaperCount]):
        if as_json:
            say_json(each)
        else:
            item, state = words_for(words.ITEMS, each.item).ja, words_for(words.STATES, each.state).ja
            say_row(f"{item} {each.item}", f"{state} {each.state}", each.count, each.held)


@paper.command(short_help="印刷シートの一覧 / List the print sheets")
@json_option
def sheets(as_json: bool) -> None:
    """シート・品目・枚数・ページ・印字できなかった申込番号です。 / Columns: sheet, item, printed, pages, left out."""
    from services.ops.board.paper import SheetRow
    from services.ops.commands.client import fetch

    for each in fetch("/api/v1/paper/sheets", list[SheetRow]):
        if as_json:
            say_json(each)
        else:
            say_row(each.sheet_id, each.item, each.printed, each.pages, " ".join(each.left_out) or None)


def _step(act: str, ja: str, en: str, more: str = "", *, ships: bool = False) -> None:
    """Add the command of a step."""

    @paper.command(act, short_help=f"{ja} / {en}", help=_help(ja, en, more))
    @click.argument("ids", nargs=-1, metavar="[ORDER[/ITEM]]…")
    @click.option(
        "--all",
        "everything",
        is_flag=True,
        help="次にこれを待つもの（保留を除く）すべて。 / All that wait for this step and are not held.",
    )
    @_item
    @attribution(required=True, public=False)
    @click.option("--no-wait", is_flag=True, help="結果を待ちません。 / Don't wait for the outcome.")
    @json_option
    def command(
        ids: tuple[str, ...],
        everything: bool,
        item: str | None,
        why: str,
        by: str,
        no_wait: bool,
        as_json: bool,
        shipper: str | None = None,
    ) -> None:
        if bool(ids) == everything:
            raise click.UsageError("申込番号か --all のどちらかを指定してください。 / Give either orders or --all.")
        body: dict[str, object] = {"by": by, "why": why, "item": item}
        body |= {"everything": True} if everything else {"ids": list(ids)}
        if shipper is not None:
            body["shipper"] = shipper
        raise SystemExit(_take(act, body, no_wait, as_json))

    if ships:
        click.option("--shipper", help="運送会社。お知らせに載ります。 / Carrier; named in the letter.")(command)


def _help(ja: str, en: str, more: str) -> str:
    return f"""{ja}。{more}

    {en}, for many at once: orders (12345678), items of orders (12345678/card), or --all.

    Exit code 0: done. 1: refused, or not all of it. 2: no outcome yet, or no answer of ops.
    """


def _take(act: str, body: dict[str, object], no_wait: bool, as_json: bool) -> int:
    from services.ops.board.decisions import DecisionLine
    from services.ops.commands.client import send
    from services.ops.commands.orders import say_order

    worst = 0
    given: list[DecisionLine] = send(f"/api/v1/paper/{act}", body, list[DecisionLine])
    for each in given:
        line = settled(each.id, wait=not no_wait)
        say_order(line, as_json)
        worst = max(worst, 0 if no_wait and line.outcome is None else exit_code(line))
    return worst


_step("paid", "入金を確かめる", "Note the payment")
_step(
    "print",
    "印刷シートを作る",
    "Have print sheets made",
    "そのときの登録番号で作ります。印刷し直すものは番号で指定します。",
)
_step("sent", "発送を記録する", "Note that it was sent", "12345678/card=4021-5566 で追跡番号を付けます。", ships=True)
_step("returned", "返送を記録する", "Note that it came back")
_step("cancel", "取りやめにする", "Cancel", "--all は入金待ちのすべてです。")


# ── from the wallet, which alone has the addresses ──────────────────────────────────────────────────────


@paper.command(short_help="送り先のCSV / Addresses for the shipper")
@_out
@click.option(
    "--state",
    "states",
    type=click.Choice(PAPER_STATES),
    multiple=True,
    default=("printed",),
    show_default=True,
    help="この状態のもの。 / Those in this state.",
)
@click.option("--sheet", help="この印刷シートのものだけ、その順に。 / Only those of this sheet, in its order.")
@click.option(
    "--encoding",
    type=click.Choice(["utf-8", "cp932"]),
    default="utf-8",
    show_default=True,
    help="文字コード：UTF-8（BOM付き）か CP932。 / UTF-8 with its mark, or CP932.",
)
def addresses(out: Path, states: tuple[str, ...], sheet: str | None, encoding: str) -> None:
    """運送会社に渡す一覧を書き出します。個人情報です。使ったら消します。鍵は PAPER_KEY_FILE です。

    Writes the list for the shipper, readable by you only. The key is that of PAPER_KEY_FILE; the wallet is at
    WALLET_URL.
    """
    query: dict[str, Any] = {"state": list(states), "encoding": encoding}
    if sheet is not None:
        query["sheet"] = sheet
    content = _wallet("GET", "/office/paper/addresses.csv", params=query).content
    _write(out, content)
    codec = "utf-8-sig" if encoding == "utf-8" else encoding
    lines = content.decode(codec).count("\r\n") - 1
    say(f"{out}: {lines} 件 / {lines} lines")


@paper.command(short_help="印刷シートのPDF / A print sheet")
@click.argument("id")
@_out
def sheet(id: str, out: Path) -> None:
    """印刷シートのPDFを書き出します。 / Writes the PDF of a print sheet, readable by you only."""
    content = _wallet("GET", f"/office/paper/sheets/{quote(id, safe='')}").content
    _write(out, content)
    say(f"{out}: {len(content)} bytes")


@paper.command(short_help="電話や書面の申し込みを入れる / Enter an order that came by telephone or post")
@click.argument("assertion", metavar="ASSERTION")
@click.option("--item", "items", type=click.Choice(PAPER_ITEMS), multiple=True, required=True, help="品目。 / Items.")
@click.option("--addressee", required=True, help="宛名。 / Addressee.")
@click.option("--postcode", required=True, help="郵便番号。 / Postcode.")
@click.option("--prefecture", required=True, help="都道府県。 / Prefecture.")
@click.option("--line", required=True, help="市区町村・番地・建物名。 / City, street, number, building.")
@click.option("--phone", default="", help="電話番号。 / Telephone.")
def order(assertion: str, items: tuple[str, ...], **address: str) -> None:
    """申込番号を出します。受付のお知らせが本人に届きます。

    Prints the number of the order. Its holder gets the letter that says how to pay.

    Exit code 1: refused.
    """
    body = {"assertion_id": assertion, "items": list(items), **address}
    say(_wallet("POST", "/office/paper/orders", json=body).json()["order_id"])


def _wallet(method: str, path: str, **request: Any) -> httpx.Response:
    """The wallet's answer to a request with the key. AkashiError, saying what to do, without one."""
    import httpx

    from services.ops.config import wallet_access

    url, key = wallet_access(os.environ)
    try:
        answer = httpx.request(
            method, url + path, headers={"authorization": f"Bearer {key}"}, timeout=60, trust_env=False, **request
        )
    except httpx.HTTPError as error:
        raise AkashiError(
            f"{url} に接続できません。WALLET_URL を確かめてください。 / can't be reached ({type(error).__name__}):"
            " start it, or set WALLET_URL"
        ) from error
    if answer.status_code == 401:
        raise AkashiError(
            f"{url}: 鍵が違います。PAPER_KEY_FILE を確かめてください。 / got another key than the wallet's, expected"
            " that of its PAPER_KEY_FILE"
        )
    if answer.is_error:
        said = answer.json().get("detail") if answer.headers.get("content-type", "").endswith("json") else None
        raise AkashiError(
            f"{url}: 受け付けられませんでした / refused ({answer.status_code}): {said or 'see the log of the wallet'}"
        )
    return answer


def _write(out: Path, content: bytes) -> None:
    """Replaces the file; for its owner only."""
    with os.fdopen(os.open(out, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(content)
