"""The heading, sentence, next step and shape of each verdict, in both languages; pure.

For page, API, command and browser. What each check says in plain words is in `explanation.py`.
"""

from __future__ import annotations

from datetime import date

from services.verifier.check.checks import Check
from services.verifier.check.verdict import Kind, Verdict
from shared.clock import japan_date
from shared.programme import Bilingual

_HEADINGS: dict[Kind, Bilingual] = {
    "valid": Bilingual("有効な証明書です", "This certificate is valid"),
    "expired": Bilingual("期限が切れた証明書です", "This certificate has expired"),
    "revoked": Bilingual("取り消された証明書です", "This certificate was revoked"),
    "not-valid": Bilingual("この証明書は使えません", "This is not a valid certificate"),
    "not-yet-valid": Bilingual("有効期間の前です", "Not valid yet"),
    "waiting-for-receipt": Bilingual("受領待ちです", "Waiting for receipt"),
    "in-progress": Bilingual("発行手続き中です", "Issue is in progress"),
    "could-not-check": Bilingual("今は確認できません", "Could not be checked now"),
}

_REPLACED = Bilingual("訂正され、新しい証明書に替わりました", "This certificate was corrected and replaced")
_OTHER_ISSUER = Bilingual("この学会の証明書ではありません", "Not a certificate of this society")
_UNREADABLE = Bilingual("証明書を読み取れませんでした", "No certificate could be read")
_EMPTY = Bilingual("証明書のデータがありません", "There is no certificate data in it")

NOT_FOUND = Bilingual("見つかりません", "Not found")
NOT_ISSUED = Bilingual("この番号の証明書は、発行されていません。", "No certificate was issued under this address.")
LOOK_AGAIN = Bilingual(
    "QRコードをもう一度読み取るか、アドレスが途中で切れていないかをお確かめください。"
    "それでも見つからないときは、資格の証明として受け取らず、下の窓口へお知らせください。",
    "Scan the code again, or check that the address is complete."
    " If it still can't be found, do not accept it as proof and tell the desk below.",
)

REGISTRATION_IS_VALID = Bilingual("登録は有効です。", "The registration is valid. ")
"""Said before the sentence of a badge that waits for its receipt, where the programme lets the page say so."""

SHAPES: dict[Kind, str] = {
    "valid": "ok",
    "expired": "old",
    "revoked": "no",
    "not-valid": "no",
    "not-yet-valid": "old",
    "waiting-for-receipt": "wait",
    "in-progress": "wait",
    "could-not-check": "wait",
}

SOURCES: dict[int, Bilingual] = {
    1: Bilingual("証明書のデータ", "the document"),
    2: Bilingual("発行者の公開鍵", "the issuer's keys"),
    3: Bilingual("電子署名", "the signature"),
    4: Bilingual("有効期間", "the period"),
    5: Bilingual("取り消しの一覧", "the list of revoked certificates"),
    6: Bilingual("記録の証明", "the proof of anchoring"),
    7: Bilingual("ブロックチェーン", "the blockchain"),
}


def heading(verdict: Verdict) -> Bilingual:
    """The verdict's name. A certificate that was corrected is revoked too, but is not called so."""
    if verdict.is_of_another_issuer:
        return _OTHER_ISSUER
    if verdict.is_unread:
        return _EMPTY if verdict.is_empty else _UNREADABLE
    return _REPLACED if verdict.is_replaced else _HEADINGS[verdict.kind]


def shape(verdict: Verdict) -> str:
    """ok, old, wait or no: shape and colour. A correction and a file without a badge are no alarm."""
    if verdict.is_replaced:
        return "old"
    return "wait" if verdict.is_empty else SHAPES[verdict.kind]


def sentence(verdict: Verdict, society: Bilingual) -> Bilingual:
    """The verdict in one plain sentence."""
    badge = verdict.badge
    match verdict.kind:
        case "valid":
            return Bilingual(
                f"{society.ja}が発行したもので、取り消されておらず、有効期間の内です。",
                f"Issued by {society.en}, not revoked, within its period of validity.",
            )
        case "expired":
            day = japan_date(badge.valid_until) if badge else None
            return Bilingual(
                f"{_ja(day)}に有効期間が終わりました。"
                + ("登録は更新されています。" if verdict.record.renewed_as else "現在の資格の証明には使えません。"),
                f"Its period ended on {_en(day)}. "
                + (
                    "The registration was renewed."
                    if verdict.record.renewed_as
                    else "It does not prove a current qualification."
                ),
            )
        case "revoked":
            if verdict.is_replaced:
                return Bilingual(
                    "記載を訂正した新しい証明書があります。この証明書は、訂正前のものです。",
                    "There is a new certificate with what was corrected. This is the one before.",
                )
            if verdict.is_erased and verdict.record.erased_at:
                day = japan_date(verdict.record.erased_at)
                return Bilingual(
                    f"登録が取り下げられ、発行者の記録は消去されました（{_ja(day)}）。資格の証明には使えません。",
                    f"The registration was withdrawn, and the issuer's record of it was erased ({_en(day)})."
                    " It does not prove a qualification.",
                )
            return Bilingual("資格の証明には使えません。", "It does not prove a qualification.")
        case "not-valid" if verdict.is_of_another_issuer:
            return Bilingual(
                f"{society.ja}ではない発行者の名前が書かれています。このサイトで確認できるのは、{society.ja}の証明書だけです。",
                f"It names another issuer. This site can only check certificates of {society.en}.",
            )
        case "not-valid" if verdict.is_empty:
            return Bilingual(
                "このファイルには、確かめられる証明書のデータが入っていません。有効とも無効とも言えません。",
                "This file holds no certificate data that could be checked."
                " So it is neither known to be valid nor to be invalid.",
            )
        case "not-valid" if verdict.is_unread:
            return Bilingual(
                "証明書のデータを最後まで読み取れません。途中で切れたか、壊れています。有効な証明書とは言えません。",
                "The certificate data can't be read to its end: it is cut off or damaged. It does not prove anything.",
            )
        case "not-valid":
            return Bilingual(
                f"{society.ja}が発行したとおりのものではありません。", f"It is not what {society.en} issued."
            )
        case "not-yet-valid":
            day = japan_date(badge.valid_from) if badge else None
            return Bilingual(f"有効期間は{_ja(day)}に始まります。", f"Its period begins on {_en(day)}.")
        case "waiting-for-receipt":
            first, last = (badge.valid_from, badge.valid_until) if badge else (None, None)
            first_day, last_day = first and japan_date(first), last and japan_date(last)
            counts = REGISTRATION_IS_VALID if verdict.registration_counts else Bilingual("", "")
            return Bilingual(
                f"{counts.ja}{society.ja}の記録では、登録の期間は{_ja(first_day)}から{_ja(last_day)}までです。"
                "オープンバッジは、ご本人の受領を待っています。",
                f"{counts.en}According to {society.en}, the period of registration is"
                f" {_en(first_day)} to {_en(last_day)}. Its holder has not received the badge yet.",
            )
        case "in-progress":
            return Bilingual(
                "学会が作成したものですが、発行の手続きが終わっていません。まだ資格の証明には使えません。",
                "Made by the society, but its issue is not finished. It does not prove a qualification yet.",
            )
        case "could-not-check":
            sources = [SOURCES[check.number] for check in without_answer(verdict)]
            return Bilingual(
                f"{'と'.join(source.ja for source in sources)}を確認できませんでした。有効とも無効とも言えません。",
                f"No answer about {' and '.join(source.en for source in sources)}."
                " So it is neither known to be valid nor to be invalid.",
            )


def next_step(verdict: Verdict, *, with_number: bool = True) -> Bilingual:
    """What the reader should do. Nothing is to be compared that isn't shown: without `with_number`, no number."""
    if verdict.is_of_another_issuer:
        return Bilingual(
            "この学会の資格の証明としては受け取らないでください。ほかの団体の証明書であれば、その団体の確認サイトでお確かめください。",
            "Do not accept it as proof of a qualification of this society."
            " If it is another organisation's certificate, check it with that organisation.",
        )
    if verdict.is_unread:
        return Bilingual(
            "ウォレットから保存したファイル（PNG、SVG、内容詳細のPDF、JSON）を、そのままお使いください。"
            "写真や画面の写しには、証明書のデータが入りません。"
            "紙やPDFの登録証は、QRコードを読み取っても確認できます。",
            "Use the file as it was saved from the wallet (PNG, SVG, PDF of the details, JSON): a photo or a"
            " screenshot holds no certificate. One on paper or as PDF can be checked by scanning its QR code.",
        )
    if verdict.is_replaced:
        return Bilingual(
            "お手元の証明書が訂正前のものであれば、ご本人に、訂正後の証明書を見せてもらってください。",
            "If the certificate that you were shown is the former one, ask to be shown the corrected one.",
        )
    if verdict.is_erased:
        return Bilingual(
            "資格の証明として受け取らないでください。発行者にも記録が残っていないため、以前の内容にはお答えできません。",
            "Do not accept it as proof. The issuer has no record of it any more, and can't say what it stated.",
        )
    if verdict.kind == "expired" and verdict.record.renewed_as:
        return Bilingual(
            "いまの登録は、更新後の証明書のページでお確かめください。",
            "See the page of the new certificate for the registration as it is now.",
        )
    if verdict.kind == "valid" and not with_number:
        return Bilingual(
            "お手元の証明書の氏名・資格名が、このページと同じかを見比べてください。違うときは、下の窓口へお知らせください。"
            "登録番号は、ご本人が公開していません。",
            "Compare name and qualification with the certificate that you were shown."
            " If they differ, tell the desk below. Its holder does not show the registration number.",
        )
    return {
        "valid": Bilingual(
            "お手元の証明書の氏名・資格名・登録番号が、このページと同じかを見比べてください。違うときは、下の窓口へお知らせください。",
            "Compare name, qualification and registration number with the certificate that you were shown."
            " If they differ, tell the desk below.",
        ),
        "expired": Bilingual(
            "更新した方は、新しい登録証をお持ちです。ご本人に、新しい登録証を見せてもらってください。",
            "If the registration was renewed, its holder has a new certificate: ask to see that one.",
        ),
        "revoked": Bilingual(
            "ご不明の点は、下の窓口へお問い合わせください。", "If you have questions, ask the desk below."
        ),
        "not-valid": Bilingual(
            "資格の証明として受け取らず、下の窓口へお知らせください。",
            "Do not accept it as proof; please tell the desk below.",
        ),
        "not-yet-valid": Bilingual(
            "その日になりましたら、もう一度このページを開いてください。", "Open this page again on that day."
        ),
        "waiting-for-receipt": Bilingual(
            "ご本人が受領し、手続きが終わると、このページの表示が「有効な証明書です」に変わります。"
            "お急ぎのときは、ご本人か、下の窓口へお問い合わせください。",
            "Once its holder has received the badge and its issue is finished, this page says that it is valid."
            " If it is urgent, ask the holder or the desk below.",
        ),
        "in-progress": Bilingual(
            "数時間、長くて1日ほどで終わります。あとでもう一度このページを開いてください。",
            "It takes some hours, at most about a day. Open this page again later.",
        ),
        "could-not-check": Bilingual(
            "しばらくしてから、もう一度このページを開いてください。続くときは、下の窓口へお知らせください。",
            "Try again a little later. If it goes on, tell the desk below.",
        ),
    }[verdict.kind]


def without_answer(verdict: Verdict) -> list[Check]:
    """The unknown checks without those that only follow from another: no signature is checked without a key."""
    unknown = list(verdict.unknown)
    numbers = {check.number for check in unknown}
    return [check for check in unknown if not (check.number == 3 and 2 in numbers)] or unknown


def address_note(public_url: str) -> Bilingual:
    """The address that a page of this issuer must have, and what such a page does not say."""
    return Bilingual(
        f"このページの正しいアドレスは {public_url}/ で始まります。ブラウザーのアドレス欄をお確かめください。"
        "このページは、証明書を持ってきた人がご本人かどうかまでは確かめません。",
        f"The true address of this page begins with {public_url}/: look at your browser's address bar."
        " This page does not prove that the person presenting the certificate is its holder.",
    )


def _ja(day: date | None) -> str:
    return f"{day.year}年{day.month}月{day.day}日" if day else "―"


def _en(day: date | None) -> str:
    return f"{day.day} {day:%B %Y}" if day else "―"
