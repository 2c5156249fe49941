"""What of each service no topic holds, so that a restore of its database loses it. Used by each service and by ops."""

from __future__ import annotations

import msgspec

from shared.programme import Bilingual


class Loss(msgspec.Struct, frozen=True, kw_only=True):
    """What a restore takes away for good, and what people do about it. Both None: nothing."""

    what: Bilingual | None = None
    todo: Bilingual | None = None


LOSSES: dict[str, Loss] = {
    "registration": Loss(
        what=Bilingual(
            "まだ発行の対象になっていない人の記録（アドレス）、よみ・生年月日・電話などの公開しない項目、操作の前の値",
            "records (addresses) of people not released yet, private fields (kana, birth date, phone), old values"
            " of orders",
        ),
        todo=Bilingual("上流にもう一度送ってもらいます。", "Have the upstream deliver again."),
    ),
    "issuer": Loss(
        what=Bilingual("訂正の理由", "the reasons of corrections"),
        todo=Bilingual("理由は操作の記録に残っています。", "The record of decisions has them."),
    ),
    "anchor": Loss(
        what=Bilingual("手数料の記録と、始めていたネットワークの移行", "fees, and a migration to another network"),
        todo=Bilingual("移行の途中だったら、もう一度命じます。", "If one was under way, order it again."),
    ),
    "renderer": Loss(),
    "mailer": Loss(),
    "wallet": Loss(
        what=Bilingual(
            "アカウント、パスワード、追加したアドレス、ログイン、紙の申し込みの送り先",
            "accounts, passwords, further addresses, sessions, postal addresses of orders of paper",
        ),
        todo=Bilingual(
            "本人に、授与のお知らせのリンクをもう一度開き、アカウントを作り直してもらいます。"
            "受け取ったバッジはそこにあります。紙を申し込んだ人と、その送り先を変えた人には、申し込みのページで送り先を入れ直してもらいます。",
            "The person opens the link of letter 1 again and makes the account again; the badge is there, received."
            " Who ordered paper, or changed the address of an order, enters it again on the page of the order.",
        ),
    ),
    "verifier": Loss(),
    "ops": Loss(
        what=Bilingual(
            "送信される前だった操作と、事務局のアカウントの変更",
            "orders that were not published yet, changes of the office's accounts",
        ),
        todo=Bilingual(
            "操作の記録にないものは、どこでも実行されていません。もう一度行います。"
            "アカウントは akashi office list で確かめます。",
            "An order that is not on record was carried out by nobody: give it again. Look at akashi office list.",
        ),
    ),
}
"""By service. Of all of them besides: what was committed and not yet on Kafka when the database was lost."""
