"""The codes of the events in the words of the office, Japanese and English, and the next step for held people."""

from __future__ import annotations

from typing import NamedTuple

from services.ops.board.counts import HELD, RELEASED, REVOKED, Stage
from services.ops.board.decisions import REBUILD
from services.ops.board.rebuilds import DRY_RUN
from shared.programme import Bilingual


class HeldWords(NamedTuple):
    """A reason for holding a registration, and the next step that ends it."""

    name: Bilingual
    next: Bilingual


STAGES: dict[str, Bilingual] = {
    Stage.ELIGIBLE.word: Bilingual("発行の対象", "Eligible"),
    Stage.ISSUED.word: Bilingual("バッジの発行", "Issued"),
    Stage.NOTIFIED.word: Bilingual("お知らせの送信", "Notified"),
    Stage.RECEIVED.word: Bilingual("受領", "Received"),
    Stage.ANCHORED.word: Bilingual("チェーンへの記録", "Anchored"),
    Stage.RENDERED.word: Bilingual("PDFの作成", "PDFs made"),
    Stage.COMPLETED.word: Bilingual("完了のお知らせ", "Completed"),
}

STATES: dict[str, Bilingual] = {
    HELD: Bilingual("保留", "Held"),
    RELEASED: Bilingual("保留の解除後", "Released"),
    REVOKED: Bilingual("取り消し", "Revoked"),
    Stage.ELIGIBLE.word: Bilingual("発行待ち", "Waits to be issued"),
    Stage.ISSUED.word: Bilingual("お知らせの送信待ち", "Waits for its letter"),
    Stage.NOTIFIED.word: Bilingual("受領待ち", "Waits to be received"),
    Stage.RECEIVED.word: Bilingual("チェーンへの記録待ち", "Waits to be anchored"),
    Stage.ANCHORED.word: Bilingual("PDFの作成待ち", "Waits for its PDFs"),
    Stage.RENDERED.word: Bilingual("完了のお知らせ待ち", "Waits for the completion letter"),
    Stage.COMPLETED.word: Bilingual("完了", "Completed"),
}

HELD_REASONS: dict[str, HeldWords] = {
    "not-completed": HeldWords(
        Bilingual("登録手続きが未完了", "Registration not completed"),
        Bilingual("手続きが済むと、自動で発行の対象になります。", "Becomes eligible by itself when completed."),
    ),
    "not-this-cycle": HeldWords(
        Bilingual("有効期間の開始が今回ではない", "Period begins in another cycle"),
        Bilingual("その年度の発行を待ちます。", "Waits for its own cycle."),
    ),
    "missing-address": HeldWords(
        Bilingual("メールアドレスが未登録", "No e-mail address"),
        Bilingual("本人に、登録画面でのメールアドレスの登録を頼みます。", "Ask the person to register an address."),
    ),
    "shared-address": HeldWords(
        Bilingual("同じアドレスを複数の人が登録", "Several people share the address"),
        Bilingual(
            "それぞれの人に、本人だけのアドレスを確かめて修正します。直すとすぐに解除されます。",
            "Ask each for an address of their own and correct it; that releases them at once.",
        ),
    ),
    "address-taken": HeldWords(
        Bilingual("発行済みの人とアドレスが同じ", "Address of a badge that was issued"),
        Bilingual(
            "この人のアドレスを修正します。先に発行された人はそのままです。",
            "Correct this person's address; the first badge stays.",
        ),
    ),
    "no-glyph": HeldWords(
        Bilingual("氏名の文字が書体にない", "A character of the name has no glyph"),
        Bilingual(
            "本人に氏名の表記を確かめ、登録の記録を直します。", "Ask how the name is written and correct the record."
        ),
    ),
    "office-hold": HeldWords(
        Bilingual("事務局による保留", "Held by the office"),
        Bilingual("再開するまで発行しません。", "Not issued until resumed."),
    ),
}

LETTERS: dict[str, Bilingual] = {
    "award": Bilingual("授与のお知らせ", "Award letter"),
    "completion": Bilingual("発行完了のお知らせ", "Completion letter"),
    "correction": Bilingual("訂正のお知らせ", "Correction letter"),
}

LETTER_STATES: dict[str, Bilingual] = {
    "queued": Bilingual("送信待ち", "queued"),
    "sent": Bilingual("送信済み", "sent"),
    "deferred": Bilingual("再送待ち", "deferred"),
    "bounced": Bilingual("不達", "bounced"),
    "suppressed": Bilingual("送信停止", "suppressed"),
}

DECISIONS: dict[str, Bilingual] = {
    "revoke": Bilingual("取り消し", "revoked"),
    "correct": Bilingual("訂正", "corrected"),
    "undo": Bilingual("年度の取り消し", "cohort undone"),
    "reissue": Bilingual("年度の再発行", "cohort issued again"),
    "correct-address": Bilingual("アドレスの修正", "address corrected"),
    "resend": Bilingual("再送", "sent again"),
    "hold": Bilingual("保留", "held"),
    "resume": Bilingual("再開", "resumed"),
    "discard": Bilingual("メッセージの破棄", "message discarded"),
    "replay": Bilingual("メッセージの再投入", "message replayed"),
    REBUILD: Bilingual("サービスの再構築", "service rebuilt"),
    "acknowledge": Bilingual("復元の確認", "restore acknowledged"),
}

OUTCOMES: dict[str, Bilingual] = {
    "done": Bilingual("完了", "done"),
    DRY_RUN: Bilingual("数えただけ", "only counted"),
    "partly": Bilingual("一部は実行されず", "partly done"),
    "no-such-assertion": Bilingual("バッジがない", "no such badge"),
    "revoked-before": Bilingual("すでに取り消し済み", "revoked before"),
    "no-such-registration": Bilingual("登録がない", "no such registration"),
    "not-issued-yet": Bilingual("まだ発行されていない", "not issued yet"),
    "issued-already": Bilingual("すでに発行済み", "issued already"),
    "not-valid": Bilingual("使えない文字や日付", "not valid"),
    "no-address": Bilingual("使えないアドレス", "no usable address"),
    "address-taken": Bilingual("ほかの人のアドレス", "somebody else's address"),
    "changes-nothing": Bilingual("変わるところがない", "changes nothing"),
}

FIELDS: dict[str, Bilingual] = {
    "family_name": Bilingual("氏", "Family name"),
    "given_name": Bilingual("名", "Given name"),
    "family_name_latin": Bilingual("氏（ローマ字）", "Family name (Latin)"),
    "given_name_latin": Bilingual("名（ローマ字）", "Given name (Latin)"),
    "email": Bilingual("メールアドレス", "E-mail address"),
    "pass_number": Bilingual("合格番号", "Pass number"),
    "registration_number": Bilingual("登録番号", "Registration number"),
    "valid_from": Bilingual("有効期間の開始日", "Valid from"),
    "valid_until": Bilingual("有効期間の満了日", "Valid until"),
}

DEAD_STATES: dict[str, Bilingual] = {
    "open": Bilingual("未対応", "open"),
    "replayed": Bilingual("再投入済み", "replayed"),
    "discarded": Bilingual("破棄済み", "discarded"),
}

SERVICES: dict[str, Bilingual] = {
    "registration": Bilingual("登録の受付", "Registration"),
    "issuer": Bilingual("バッジの発行", "Issuer"),
    "anchor": Bilingual("チェーンへの記録", "Anchor"),
    "renderer": Bilingual("PDFの作成", "Renderer"),
    "mailer": Bilingual("メールの送信", "Mailer"),
    "wallet": Bilingual("ウォレット", "Wallet"),
    "verifier": Bilingual("確認ページ", "Verifier"),
    "ops": Bilingual("このボード", "This board"),
}

_LETTER_TROUBLE = {
    f"{letter}-letter-{state}": Bilingual(f"{words.ja}：{trouble.ja}", f"{words.en} {trouble.en}")
    for letter, words in LETTERS.items()
    for state, trouble in LETTER_STATES.items()
}


def reason_words(reason: str | None) -> Bilingual | None:
    """A reason in words; one that is not in these tables (a text of the office) unchanged."""
    if reason is None:
        return None
    held = HELD_REASONS.get(reason)
    if held is not None:
        return held.name
    return _LETTER_TROUBLE.get(reason, Bilingual(reason, reason))


def words_for(words: dict[str, Bilingual], code: str) -> Bilingual:
    """The words for a code; the code itself if this table doesn't have it."""
    return words.get(code, Bilingual(code, code))
