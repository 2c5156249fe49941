"""What the verdict on a count says, in both languages; pure. For page, command and browser."""

from __future__ import annotations

from services.verifier.check.count import CountCheck, CountKind, CountVerdict
from shared.programme import Bilingual

COUNT_NAMES: dict[int, Bilingual] = {
    1: Bilingual("公開集計のデータを読み取れること", "The statement can be read"),
    2: Bilingual("発行者が学会であること", "The issuer is the society"),
    3: Bilingual("学会の電子署名が正しいこと", "It is signed by the society"),
    4: Bilingual("最初の集計から切れ目も分かれ道もないこと", "No gap and no fork since the first statement"),
    5: Bilingual("内訳と合計が合うこと", "Its figures add up"),
    6: Bilingual(
        "束の目録にある証明書の数と同じであること", "The manifests of its batches hold as many badges as it says"
    ),
    7: Bilingual("取り消しの一覧の数と同じであること", "The status lists show as many revoked badges"),
    8: Bilingual("束がブロックチェーンに確定していること", "Its batches are final on the blockchain"),
    9: Bilingual("この集計も記録されていること", "The statement itself is recorded"),
}

COUNT_HEADINGS: dict[CountKind, Bilingual] = {
    "right": Bilingual("集計は記録と一致しています", "The count agrees with the records"),
    "not-recorded-yet": Bilingual("ここまでは記録と一致しています", "The count agrees with the records so far"),
    "not-right": Bilingual("集計は記録と一致しません", "The count does not agree with the records"),
    "could-not-check": Bilingual("今は確認できません", "Could not be checked now"),
}

COUNT_SENTENCES: dict[CountKind, Bilingual] = {
    "right": Bilingual(
        "{society}が公表した証明書の数は、束の目録、取り消しの一覧、ブロックチェーンの記録と、ひとつの違いもなく合っています。",
        "The number of certificates that {society} states is exactly what the manifests of its batches, its status"
        " lists and the blockchain show.",
    ),
    "not-recorded-yet": Bilingual(
        "確かめられるところは、すべて合っています。まだ次の記録を待っているところがあります。",
        "All that can be checked agrees. Something still waits for the next record.",
    ),
    "not-right": Bilingual(
        "公表された数と記録が食い違っています。証明書が足されたか、除かれたか、集計が書き換えられたおそれがあります。",
        "What is stated and what is recorded contradict each other: certificates may have been added or dropped, or"
        " the statement changed.",
    ),
    "could-not-check": Bilingual(
        "問い合わせ先から答えが得られず、合っているとも合っていないとも言えません。",
        "A source gave no answer, so it is neither known to agree nor to disagree.",
    ),
}

COUNT_NEXT: dict[CountKind, Bilingual] = {
    "right": Bilingual(
        "証明書をお持ちの方は、その証明書もこのサイトで確かめられます。",
        "Holders of a certificate can check it on this site as well.",
    ),
    "not-recorded-yet": Bilingual(
        "次の束が記録されたあと（長くて1日ほど）に、もう一度お確かめください。",
        "Check again once the next batch is recorded, within about a day.",
    ),
    "not-right": Bilingual(
        "下の「いいえ」の項目を控えて、学会の窓口へお知らせください。集計の公開の途中のこともあるので、数分おいてもう一度お確かめください。",
        "Note what is marked as No below and tell the society's desk. A statement may just be being published: check"
        " once more after some minutes.",
    ),
    "could-not-check": Bilingual("しばらくしてから、もう一度お確かめください。", "Check again a little later."),
}

COUNT_SHAPES: dict[CountKind, str] = {
    "right": "ok",
    "not-recorded-yet": "wait",
    "not-right": "no",
    "could-not-check": "wait",
}

COUNT_EXPLANATIONS: dict[tuple[int, str], Bilingual] = {
    (1, "ok"): Bilingual("集計のデータを読み取れました。", "The statement could be read."),
    (1, "unreadable"): Bilingual(
        "公開集計のデータとして読み取れません。途中で切れたか、形が違います。",
        "It can't be read as a statement of the count: it is cut off, or of another form.",
    ),
    (1, "sum"): Bilingual(
        "有効・取消・訂正の数を足しても、発行の数になりません。",
        "Valid, revoked and corrected certificates do not add up to those issued.",
    ),
    (1, "cohort"): Bilingual("別の年度の集計です。", "It is the statement of another year."),
    (1, "away"): Bilingual("集計のデータを取り寄せられませんでした。", "The statement could not be fetched."),
    (2, "ok"): Bilingual(
        "発行者は学会で、その公開鍵も受け取れました。", "The issuer is the society, and its keys were at hand."
    ),
    (2, "other"): Bilingual("学会ではない発行者の集計です。", "It names an issuer that is not the society."),
    (2, "away"): Bilingual("学会の公開鍵を受け取れませんでした。", "The society's keys could not be fetched."),
    (3, "ok"): Bilingual(
        "この集計も、前後の集計も、学会の署名があり、書き換えられていません。",
        "This statement and the others are signed by the society and unchanged.",
    ),
    (3, "forged"): Bilingual(
        "署名がデータと合いません。数字などが書き換えられたか、学会が署名していません。",
        "The signature does not fit: a number was changed, or the society did not sign it.",
    ),
    (3, "forged-other"): Bilingual(
        "前後の集計のひとつに、学会の正しい署名がありません。",
        "One of the other statements has no valid signature of the society.",
    ),
    (3, "away"): Bilingual("公開鍵がないので、署名を確かめられません。", "Without keys no signature can be checked."),
    (4, "ok"): Bilingual(
        "最初の集計から最新の集計まで、すべてつながっています。",
        "All statements are there, each linked to the one before.",
    ),
    (4, "gap"): Bilingual(
        "つながりの途中の集計がありません。除かれたおそれがあります。",
        "A statement is missing from the chain: it may have been removed.",
    ),
    (4, "broken"): Bilingual(
        "前の集計と合いません。途中の集計が差し替えられています。",
        "A statement does not name the one before it: one of them was exchanged.",
    ),
    (4, "forked"): Bilingual(
        "同じ番号で、内容の違う集計がもうひとつあります。学会が二通りの数を示しています。",
        "There is another statement under this number: two different counts were shown.",
    ),
    (4, "older"): Bilingual(
        "サイトが、最新ではない古い集計を最新として示しています。",
        "The site gives out an older statement as the newest.",
    ),
    (4, "back"): Bilingual(
        "前の集計より減った数があります。一度公表した数は減りません。",
        "A figure is smaller than in an earlier statement: what was stated never goes back.",
    ),
    (4, "away"): Bilingual("前後の集計を取り寄せられませんでした。", "Other statements could not be fetched."),
    (5, "ok"): Bilingual("内訳と合計が合っています。", "Its figures add up."),
    (5, "sum"): Bilingual("合計の数どうしが食い違っています。", "The totals contradict each other."),
    (5, "groups"): Bilingual(
        "資格ごとの数を足しても、合計になりません。", "The figures by qualification do not add up to the total."
    ),
    (5, "batches"): Bilingual(
        "束ごとの数を足しても、記録済みの数になりません。",
        "The numbers of the batches do not add up to those recorded.",
    ),
    (5, "added"): Bilingual(
        "前の集計の数に新しい数を足しても、発行の数になりません。",
        "The former number and the new ones do not add up to those issued.",
    ),
    (6, "ok"): Bilingual(
        "公開された一覧と束の目録を数えると、集計のとおりでした。",
        "Lists and manifests, counted, hold what the statement says.",
    ),
    (6, "list"): Bilingual(
        "数えた証明書の一覧がないか、集計と合いません。",
        "The list of counted certificates is missing or does not fit the statement.",
    ),
    (6, "twice"): Bilingual("同じ証明書が二度数えられています。", "A certificate is counted twice."),
    (6, "manifest"): Bilingual(
        "束の目録がないか、束と合いません。", "The manifest of a batch is missing or does not lead to its root."
    ),
    (6, "added-outside"): Bilingual(
        "束の目録にない証明書が、記録済みとして数えられています。",
        "Certificates are counted as recorded that are in no manifest.",
    ),
    (6, "dropped"): Bilingual(
        "束の目録にある証明書が、集計から落ちています。",
        "Certificates that are in a manifest are missing from the count.",
    ),
    (6, "stray"): Bilingual(
        "束の中に、どの集計にも数えられていない証明書があります。",
        "A batch holds certificates that no statement counts.",
    ),
    (6, "gap"): Bilingual(
        "この年度かほかの年度の集計に、欠けている番号があります。", "A statement of this or another year is missing."
    ),
    (6, "away"): Bilingual("束の目録か一覧を取り寄せられませんでした。", "A manifest or a list could not be fetched."),
    (7, "ok"): Bilingual(
        "取り消しの一覧を数えると、集計のとおりでした。", "The status lists, counted, show what is stated."
    ),
    (7, "fewer"): Bilingual(
        "取り消した・訂正したと公表された数より、取り消しの一覧の数が少なくなっています。",
        "The status lists show fewer revoked certificates than are stated.",
    ),
    (7, "more"): Bilingual(
        "取り消しの一覧にあるのに、集計に数えられていない証明書があります。",
        "The status lists show more revoked certificates than are stated.",
    ),
    (7, "pending"): Bilingual(
        "集計のあとに取り消しか訂正があり、次の集計を待っています。",
        "Certificates were revoked after the statement; the next one counts them.",
    ),
    (7, "away"): Bilingual(
        "取り消しの一覧かほかの年度の集計を、確かめられませんでした。",
        "A status list, or a statement of another year, could not be checked.",
    ),
    (8, "ok"): Bilingual(
        "すべての束が、ブロックチェーンに確定して記録されています。", "All its batches are final on the blockchain."
    ),
    (8, "absent"): Bilingual("ブロックチェーンに記録のない束があります。", "A batch is not on the blockchain."),
    (8, "revoked"): Bilingual("学会が取り下げた束があります。", "The society has taken a batch back."),
    (8, "pending"): Bilingual("まだ確定していない束があります。", "A batch is not final yet."),
    (8, "away"): Bilingual("ブロックチェーンから答えがありませんでした。", "The blockchain gave no answer."),
    (9, "ok"): Bilingual(
        "この集計（または、これに続く集計）がブロックチェーンに記録されています。あとから書き換えられません。",
        "This statement, or one that follows it, is on the blockchain: it can't be changed any more.",
    ),
    (9, "forged"): Bilingual(
        "集計に付いた記録の証明が、この集計のものではありません。",
        "The proof of its record does not belong to the statement.",
    ),
    (9, "absent"): Bilingual(
        "集計が示す束が、ブロックチェーンにありません。", "The batch that it names is not on the blockchain."
    ),
    (9, "revoked"): Bilingual(
        "集計の入った束を、学会が取り下げています。", "The society has taken back the batch that holds it."
    ),
    (9, "pending"): Bilingual("新しい集計なので、次の束で記録されます。", "It is new and will be in the next batch."),
    (9, "away"): Bilingual("ブロックチェーンから答えがありませんでした。", "The blockchain gave no answer."),
}


def count_heading(verdict: CountVerdict) -> Bilingual:
    return COUNT_HEADINGS[verdict.kind]


def count_sentence(verdict: CountVerdict, society: Bilingual) -> Bilingual:
    said = COUNT_SENTENCES[verdict.kind]
    return Bilingual(said.ja.format(society=society.ja), said.en.format(society=society.en))


def count_explanation(check: CountCheck) -> Bilingual:
    return COUNT_EXPLANATIONS[check.number, check.code]
