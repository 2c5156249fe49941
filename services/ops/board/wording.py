"""The codes of the events in the words of the office, Japanese and English, and the next step for held people."""

from __future__ import annotations

from typing import NamedTuple

from services.ops.board.counts import HELD, RELEASED, REVOKED, Stage
from services.ops.board.decisions import REBUILD, SCRUB
from services.ops.board.rebuilds import DRY_RUN
from services.ops.board.scrubs import AT_FAULT
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

_CONTRADICTION = Bilingual(
    "どちらの記録が正しいか確かめ、直した記録を上流に送ってもらいます。"
    "このままで正しいときは、名前を開いて「このままで進める」（akashi resume）で発行します。",
    "Find out which record is right, and have upstream deliver the amended one. If this one is right as it is, open the"
    " name and release it (akashi resume).",
)

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
        Bilingual(
            "本人に、登録画面でのメールアドレスの登録を頼むか、聞いたアドレスを名前を開いて書きます。",
            "Ask the person to register an address, or open the name and enter it.",
        ),
    ),
    "shared-address": HeldWords(
        Bilingual("同じアドレスを複数の人が登録", "Several people share the address"),
        Bilingual(
            "それぞれの人に、本人だけのアドレスを確かめ、名前を開いて変えます。変えるとすぐに解除されます。",
            "Ask each for an address of their own, open the name and change it; that releases them at once.",
        ),
    ),
    "address-taken": HeldWords(
        Bilingual("発行済みの人とアドレスが同じ", "Address of a badge that was issued"),
        Bilingual(
            "名前を開いて、この人のアドレスを変えます。先に発行された人はそのままです。",
            "Open the name and change this person's address; the first badge stays.",
        ),
    ),
    "no-glyph": HeldWords(
        Bilingual("氏名の文字が書体にない", "A character of the name has no glyph"),
        Bilingual(
            "証書にどう書くかを本人と決め、名前を開いて「証書の表記を決める」に書きます。登録の記録はそのままです。",
            "Agree with the person how the certificate writes it; open the name and enter that. The record stays.",
        ),
    ),
    "completes-later": HeldWords(
        Bilingual("手続完了日が先の日付", "Completed on a day to come"),
        Bilingual(
            "その日になると、自動で発行の対象になります。誤りなら、直した記録を上流に送ってもらいます。",
            "Becomes eligible by itself on that day; if it is wrong, have upstream deliver the amended record.",
        ),
    ),
    "birth-date-differs": HeldWords(
        Bilingual("同じ個人IDで生年月日が違う", "Two birth dates under one person id"), _CONTRADICTION
    ),
    "name-differs": HeldWords(Bilingual("同じ個人IDで氏名が違う", "Two names under one person id"), _CONTRADICTION),
    "renews-another": HeldWords(
        Bilingual("前回登録が別の人のもの", "Renews another person's registration"), _CONTRADICTION
    ),
    "duplicate-registration-number": HeldWords(
        Bilingual("登録番号がほかの登録と同じ", "Registration number of another registration"), _CONTRADICTION
    ),
    "duplicate-pass-number": HeldWords(
        Bilingual("合格番号がほかの人と同じ", "Pass number of another person"), _CONTRADICTION
    ),
    "look-alike": HeldWords(
        Bilingual("よく似た別の文字がある", "A character that looks like another"),
        Bilingual(
            "部首の⾼（U+2FBC）と漢字の高（U+9AD8）のように、見た目では分からない別の文字です。打ち直した記録を上流に"
            "送ってもらいます。このままで正しいときは、名前を開いて「このままで進める」（akashi resume）で発行します。",
            "Another character than the one it looks like, as the radical ⾼ (U+2FBC) for 高 (U+9AD8): have upstream"
            " deliver the record typed again. If it is right as it is, open the name and release it (akashi resume).",
        ),
    ),
    "not-judged": HeldWords(
        Bilingual("判定できない記録", "A record that can't be judged"),
        Bilingual(
            "登録の受付のログにある原因を確かめ、直した記録を上流に送ってもらうか、名前を開いて「このままで進める」"
            "（akashi resume）で判定し直します。",
            "The log of registration names the cause: have upstream deliver the amended record, or open the name and"
            " have it judged again (akashi resume).",
        ),
    ),
    "office-hold": HeldWords(
        Bilingual("事務局による保留", "Held by the office"),
        Bilingual("名前を開いて再開するまで発行しません。", "Not issued until it is resumed: open the name."),
    ),
}

_LATER_LETTERS: dict[str, Bilingual] = {
    "reminder-1": Bilingual("受領のお願い（1回目）", "First reminder"),
    "reminder-2": Bilingual("受領のお願い（2回目）", "Second reminder"),
    "reminder-3": Bilingual("受領のお願い（3回目）", "Third reminder"),
    "expiry": Bilingual("有効期間のお知らせ", "Notice of expiry"),
}
_TELL_OTHERWISE = Bilingual("電話や書面で、本人に知らせます。", "Tell the person by telephone or post.")
_LETTER_BOUNCED = Bilingual(
    "本人に正しいアドレスを確かめ、メールアドレスを訂正します。新しいお知らせを送ります。",
    "Ask for the right address and correct it: a new letter goes there.",
)

STUCK: dict[str, HeldWords] = {
    "issuance-refused": HeldWords(
        Bilingual("発行できない内容がある", "Refused by the issuer"),
        Bilingual(
            "その項目を訂正するか、直した記録を上流にもう一度送ってもらいます。どちらでも、そのまま発行されます。",
            "Correct the field, or have upstream deliver the amended record again: either is issued at once.",
        ),
    ),
    "rendering-no-glyph": HeldWords(
        Bilingual("PDFに印字できない文字がある", "A character that the PDF's fonts lack"),
        Bilingual(
            "書き方を本人に確かめ、その項目を訂正します。書体を加えたときは、PDFの作成を起動し直せば進みます。",
            "Ask how it is written and correct the field. With other fonts it goes on when the renderer is restarted.",
        ),
    ),
    "rendering-missing-object": HeldWords(
        Bilingual("PDFのもとになるファイルがない", "A file for the PDF is missing"),
        Bilingual(
            "akashi scrub --repair で作り直します。戻れば、自動で進みます。",
            "Have it made again by akashi scrub --repair; it then goes on by itself.",
        ),
    ),
    "rendering-unreadable-object": HeldWords(
        Bilingual("PDFのもとになるファイルが壊れている", "A file for the PDF can't be read"),
        Bilingual(
            "akashi scrub --repair で作り直します。1時間以内に、自動で進みます。",
            "Have it made again by akashi scrub --repair; it goes on by itself within an hour.",
        ),
    ),
    "rendering-unknown-qualification": HeldWords(
        Bilingual("設定にない資格", "A qualification that the programme lacks"),
        Bilingual(
            "PROGRAMME_FILE に資格を戻し、PDFの作成を起動し直します。",
            "Put it back into PROGRAMME_FILE and restart the renderer.",
        ),
    ),
    "rendering-layout": HeldWords(
        Bilingual("PDFを組めない", "The PDF can't be laid out"),
        Bilingual(
            "プログラムの誤りです。PDFの作成のログを開発者に渡します。直した版を起動すれば進みます。",
            "A fault of the program: give the renderer's log to its developers. With a corrected release it goes on.",
        ),
    ),
    "award-letter-bounced": HeldWords(Bilingual("授与のお知らせが不達", "Award letter bounced"), _LETTER_BOUNCED),
    "completion-letter-bounced": HeldWords(
        Bilingual("発行完了のお知らせが不達", "Completion letter bounced"), _LETTER_BOUNCED
    ),
    "correction-letter-bounced": HeldWords(
        Bilingual("訂正のお知らせが不達", "Correction letter bounced"), _LETTER_BOUNCED
    ),
    "award-letter-suppressed": HeldWords(
        Bilingual("授与のお知らせを書けない", "Award letter can't be written"), _LETTER_BOUNCED
    ),
    "completion-letter-suppressed": HeldWords(
        Bilingual("発行完了のお知らせを書けない", "Completion letter can't be written"), _LETTER_BOUNCED
    ),
    "correction-letter-suppressed": HeldWords(
        Bilingual("訂正のお知らせを書けない", "Correction letter can't be written"), _LETTER_BOUNCED
    ),
    "revocation-letter-bounced": HeldWords(
        Bilingual("取り消しのお知らせが不達", "Revocation letter bounced"), _TELL_OTHERWISE
    ),
    "revocation-letter-suppressed": HeldWords(
        Bilingual("取り消しのお知らせを書けない", "Revocation letter can't be written"), _TELL_OTHERWISE
    ),
    **{
        f"{letter}-letter-{state}": HeldWords(Bilingual(f"{name.ja}{ja}", f"{name.en} {en}"), _LETTER_BOUNCED)
        for letter, name in _LATER_LETTERS.items()
        for state, ja, en in (("bounced", "が不達", "bounced"), ("suppressed", "を書けない", "can't be written"))
    },
}
"""Why somebody is stuck (`board/stuck.py`), and the next step that ends it."""

LETTERS: dict[str, Bilingual] = {
    "award": Bilingual("授与のお知らせ", "Award letter"),
    "completion": Bilingual("発行完了のお知らせ", "Completion letter"),
    "correction": Bilingual("訂正のお知らせ", "Correction letter"),
    "revocation": Bilingual("取り消しのお知らせ", "Revocation letter"),
    **_LATER_LETTERS,
}

REQUESTED_LETTERS: dict[str, Bilingual] = {
    "confirm-address": Bilingual("アドレス確認のお願い", "Address to be confirmed"),
    "recover-address": Bilingual("新しいアドレスの確認（紛失）", "New address to be confirmed (lost mailbox)"),
    "recovery-begun": Bilingual("アドレス変更の受け付け（紛失）", "Change of address waiting (lost mailbox)"),
    "address-changed": Bilingual("アドレス変更のお知らせ", "Address changed"),
    "enquiry": Bilingual("窓口へのお問い合わせ", "Enquiry to the desk"),
    "enquiry-copy": Bilingual("お問い合わせの控え", "Copy of an enquiry"),
    "verify-address": Bilingual("ウォレットのアドレス確認", "Address of an account to be verified"),
    "reset-password": Bilingual("パスワードの再設定", "Password reset"),
    "account-recovery": Bilingual("アカウントの移動", "Account moved"),
    "account-notice": Bilingual("アカウントのお知らせ", "Account notice"),
    "new-link": Bilingual("受領の新しいURL", "New link to a badge"),
    "paper-received": Bilingual("申し込みの控え", "Order received"),
    "paper-sent": Bilingual("発送のお知らせ", "Order sent"),
}
"""Letters that a service asked the mailer for."""

LETTER_STATES: dict[str, Bilingual] = {
    "queued": Bilingual("送信待ち", "queued"),
    "sent": Bilingual("送信済み", "sent"),
    "deferred": Bilingual("再送待ち", "deferred"),
    "bounced": Bilingual("不達", "bounced"),
    "suppressed": Bilingual("送信停止", "suppressed"),
    "cancelled": Bilingual("送信中止", "cancelled"),
}

DECISIONS: dict[str, Bilingual] = {
    "revoke": Bilingual("取り消し", "revoked"),
    "correct": Bilingual("訂正", "corrected"),
    "undo": Bilingual("年度の取り消し", "cohort undone"),
    "reissue": Bilingual("年度の再発行", "cohort issued again"),
    "correct-address": Bilingual("アドレスの修正", "address corrected"),
    "resend": Bilingual("お知らせの再送", "letter sent again"),
    "hold-letters": Bilingual("お知らせを止める", "letters held"),
    "resume-letters": Bilingual("お知らせの再開", "letters resumed"),
    "end-sessions": Bilingual("ウォレットからログアウト", "logged out of the wallet"),
    "end-all-sessions": Bilingual("全員をウォレットからログアウト", "everybody logged out of the wallet"),
    "hold": Bilingual("保留", "held"),
    "hold-cohort": Bilingual("年度の保留", "cohort held"),
    "resume-cohort": Bilingual("年度の再開", "cohort resumed"),
    "feed": Bilingual("登録データの取り込み", "file fed"),
    "resume": Bilingual("再開", "resumed"),
    "discard": Bilingual("メッセージの破棄", "message discarded"),
    "replay": Bilingual("メッセージの再投入", "message replayed"),
    SCRUB: Bilingual("保管庫の点検", "object storage checked"),
    REBUILD: Bilingual("サービスの再構築", "service rebuilt"),
    "acknowledge": Bilingual("復元の確認", "restore acknowledged"),
    "erase": Bilingual("個人情報の消去", "person erased"),
    "dismiss": Bilingual("読めなかった行を対応済みに", "rejected rows dismissed"),
    "paper-paid": Bilingual("紙の申し込み：入金", "paper: paid"),
    "paper-printed": Bilingual("紙の申し込み：印刷", "paper: printed"),
    "paper-sent": Bilingual("紙の申し込み：発送", "paper: sent"),
    "paper-returned": Bilingual("紙の申し込み：返送", "paper: returned"),
    "paper-cancelled": Bilingual("紙の申し込み：取りやめ", "paper: cancelled"),
}

OUTCOMES: dict[str, Bilingual] = {
    "done": Bilingual("完了", "done"),
    DRY_RUN: Bilingual("数えただけ", "only counted"),
    AT_FAULT: Bilingual("異常あり", "objects at fault"),
    "partly": Bilingual("一部は実行されず", "partly done"),
    "not-possible": Bilingual("どれも実行できない", "none could be done"),
    "no-such-assertion": Bilingual("バッジがない", "no such badge"),
    "revoked-before": Bilingual("すでに取り消し済み", "revoked before"),
    "no-such-registration": Bilingual("登録がない", "no such registration"),
    "not-issued-yet": Bilingual("まだ発行されていない", "not issued yet"),
    "issuance-refused": Bilingual("発行できない内容", "refused by the issuer"),
    "issued-already": Bilingual("すでに発行済み", "issued already"),
    "not-valid": Bilingual("使えない文字や日付", "not valid"),
    "no-address": Bilingual("使えないアドレス", "no usable address"),
    "address-taken": Bilingual("ほかの人のアドレス", "somebody else's address"),
    "number-taken": Bilingual("ほかの登録の番号", "a number of another registration"),
    "changes-nothing": Bilingual("変わるところがない", "changes nothing"),
    "no-such-letter": Bilingual("そのお知らせはない", "no such letter"),
    "not-sent-yet": Bilingual("まだ送っていない", "not sent yet"),
    "suppressed": Bilingual("送信停止のお知らせ", "letter is suppressed"),
    "revoked": Bilingual("取り消されたバッジ", "badge is revoked"),
    "corrected": Bilingual("訂正前のバッジ", "badge was corrected"),
    "not-delivered": Bilingual("取り込めなかった", "not delivered"),
    "no-account": Bilingual("アカウントがない", "no account"),
    "erased": Bilingual("個人情報を消去した登録", "the person was erased"),
}

ROLES: dict[str, Bilingual] = {
    "office": Bilingual("窓口の担当", "one desk"),
    "admin": Bilingual("管理者", "administrator"),
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

STUCK_FIELDS: dict[str, Bilingual] = {
    **FIELDS,
    "name": Bilingual("氏名", "Name"),
    "qualification": Bilingual("資格", "Qualification"),
    "credential": Bilingual("バッジのデータ", "Credential"),
    "picture": Bilingual("バッジの画像", "Picture of the badge"),
}

OBJECTS: dict[str, Bilingual] = {
    "credentials": Bilingual("証明書データ", "Credentials"),
    "documents": Bilingual("発行者・バッジ・失効の文書", "Issuer, badge classes, status lists"),
    "statements": Bilingual("公開集計", "Statements of the count"),
    "proofs": Bilingual("チェーンの証明", "Proofs of the chain"),
    "batches": Bilingual("束の一覧", "Manifests of batches"),
    "certificates": Bilingual("PDF", "PDFs"),
    "print-sheets": Bilingual("印刷シート", "Print sheets"),
}

FOUND: dict[str, Bilingual] = {
    "missing": Bilingual("ありません", "missing"),
    "different": Bilingual("内容が違います", "different"),
    "only-stored": Bilingual("記録にありません", "in no table"),
}

NOT_REPAIRED: dict[str, Bilingual] = {
    "waits": Bilingual("もとになるものを先に直します", "what it is made from comes first"),
    "lost": Bilingual("記録からは作れません。バックアップから戻します", "can't be made from the tables: restore it"),
    "comes-out-otherwise": Bilingual(
        "作り直すと違うものになります。バックアップから戻すか、再発行します",
        "comes out otherwise when made again: restore it, or issue the badge again",
    ),
    "failed": Bilingual("作り直しに失敗しました。ログを確かめます", "making it again failed: see the log"),
    "unknown": Bilingual("だれのものか分かりません", "nothing tells whose it is"),
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
    known = HELD_REASONS.get(reason) or STUCK.get(reason)
    return known.name if known is not None else _LETTER_TROUBLE.get(reason, Bilingual(reason, reason))


def held_words_for(words: dict[str, HeldWords], reason: str) -> HeldWords:
    """The words for a reason, and no next step for one that this table doesn't have."""
    return words.get(reason) or HeldWords(Bilingual(reason, reason), Bilingual("", ""))


def words_for(words: dict[str, Bilingual], code: str) -> Bilingual:
    """The words for a code; the code itself if this table doesn't have it."""
    return words.get(code, Bilingual(code, code))
