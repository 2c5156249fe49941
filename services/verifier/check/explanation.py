"""What each check found, in a plain sentence of the reader's language, beside the raw value; pure.

The raw value (`Check.got`, `Check.expected`) is for technical readers, in English.
"""

from __future__ import annotations

from typing import Literal

from services.verifier.check.checks import Check
from services.verifier.check.outcome import CheckOutcome, Finding
from shared.programme import Bilingual

Refusal = Literal["form", "password", "port", "private", "redirects", "type", "large"]
"""Why a visitor's URL is not fetched."""

REFUSALS: dict[Refusal, Bilingual] = {
    "form": Bilingual(
        "URLとして読み取れません。https:// で始まるURLを、途中で切らずに入れてください。",
        "It can't be read as a URL. Give the whole of it, beginning with https://.",
    ),
    "password": Bilingual(
        "ユーザー名やパスワードの入ったURLは開きません。入っていないURLを入れてください。",
        "A URL with a user name or password in it is not opened. Give one without.",
    ),
    "port": Bilingual(
        "ふつうのウェブサイトでは使わないポート番号が付いています。番号のないURLを入れてください。",
        "It has a port number that web sites do not usually have. Give a URL without it.",
    ),
    "private": Bilingual(
        "社内など、インターネットに公開されていない場所を指しています。",
        "It leads to a place that is not public on the Internet, such as a company's own network.",
    ),
    "redirects": Bilingual("転送が多すぎて、行き先を確かめられません。", "It is redirected too often to be followed."),
    "type": Bilingual(
        "行き先は、証明書のファイル（JSON、PNG、SVG、PDF）ではありません。",
        "It does not lead to the file of a certificate (JSON, PNG, SVG, PDF).",
    ),
    "large": Bilingual(
        "行き先のファイルは、証明書にしては大きすぎます。", "The file that it leads to is too large for a certificate."
    ),
}

Case = tuple[int, CheckOutcome, Finding]

EXPLANATIONS: dict[Case, Bilingual] = {
    (1, "ok", ""): Bilingual("証明書のデータを読み取れました。", "The certificate data could be read."),
    (1, "failed", ""): Bilingual(
        "証明書のデータとして読み取れないか、別の証明書のデータか、ファイルの中で食い違っています。",
        "It can't be read as certificate data, is that of another certificate, or contradicts itself within the file.",
    ),
    (1, "failed", "empty"): Bilingual(
        "ファイルに証明書のデータが入っていません。", "There is no certificate data in the file."
    ),
    (1, "unknown", ""): Bilingual(
        "証明書のデータを取り寄せられませんでした。", "The certificate data could not be fetched."
    ),
    (2, "ok", ""): Bilingual(
        "証明書に書かれた発行者は学会で、その公開鍵も受け取れました。",
        "The issuer that it names is the society, and the society's public keys were at hand.",
    ),
    (2, "failed", ""): Bilingual("別の発行者の名前が書かれています。", "It names another issuer."),
    (2, "unknown", ""): Bilingual(
        "学会の公開鍵を受け取れませんでした。", "The society's public keys could not be fetched."
    ),
    (3, "ok", ""): Bilingual(
        "学会の鍵による署名が、証明書の全体に合っています。",
        "The signature by the society's key fits the whole document.",
    ),
    (3, "failed", ""): Bilingual(
        "署名が合いません。学会以外が作ったか、あとから書き換えられています。",
        "The signature does not fit: it was not made by the society, or was changed afterwards.",
    ),
    (3, "unknown", ""): Bilingual(
        "署名を確かめるための公開鍵がありません。", "There is no public key to check the signature with."
    ),
    (4, "ok", ""): Bilingual("確認した時刻は、有効期間の内です。", "The time of the check is within the period."),
    (4, "failed", "expired"): Bilingual("有効期間は終わっています。", "The period is over."),
    (4, "failed", "early"): Bilingual("有効期間は、まだ始まっていません。", "The period has not begun yet."),
    (5, "ok", ""): Bilingual(
        "学会が署名した一覧で、この証明書は取り消されていません。",
        "In the society's signed list, this certificate is not revoked.",
    ),
    (5, "failed", "revoked"): Bilingual(
        "学会が、この証明書を取り消しています。", "The society has revoked this certificate."
    ),
    (5, "unknown", ""): Bilingual(
        "取り消しの一覧を受け取れないか、一覧が古いため、取り消されていないかどうかが分かりません。",
        "The list of revoked certificates could not be fetched or is out of date, so this is not known.",
    ),
    (6, "ok", ""): Bilingual(
        "この証明書そのものから計算した値が、記録のまとまりに含まれています。",
        "The hash of this very document is part of the recorded batch.",
    ),
    (6, "failed", ""): Bilingual(
        "付いている記録の証明は、この証明書のものではありません。",
        "The proof of anchoring that it carries does not belong to this document.",
    ),
    (6, "unknown", "pending"): Bilingual(
        "ブロックチェーンへの記録は、まだ済んでいません。", "It is not recorded on the blockchain yet."
    ),
    (7, "ok", ""): Bilingual(
        "学会の記録がブロックチェーンにあり、確定しています。",
        "The society's record is on the blockchain, and is final.",
    ),
    (7, "failed", ""): Bilingual(
        "ブロックチェーンに、この証明書の記録がありません。", "The blockchain has no record of this certificate."
    ),
    (7, "failed", "revoked"): Bilingual(
        "ブロックチェーンの記録が、取り消されています。", "The record on the blockchain was revoked."
    ),
    (7, "unknown", "pending"): Bilingual(
        "ブロックチェーンの記録は、まだ確定していません。", "The record on the blockchain is not final yet."
    ),
    (7, "unknown", ""): Bilingual(
        "ブロックチェーンの記録を確かめられませんでした。", "The record on the blockchain could not be checked."
    ),
}
"""For every outcome and finding that `checks.py` makes."""


def explanation(check: Check) -> Bilingual:
    """What the check found, in one sentence."""
    return EXPLANATIONS[check.number, check.outcome, check.finding]
