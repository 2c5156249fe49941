"""What stands in the letters."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from html.parser import HTMLParser
from pathlib import Path

import msgspec
import pytest

from services.mailer.domain.letters import LETTERS, Letter, LetterWriter, Message, message_id, return_path
from shared.links import receive_url
from shared.programme import Bilingual, parse_programme

SECRET = b"a secret of sixteen bytes"
WALLET = "http://localhost:8602"
PROGRAMME = parse_programme(Path("deploy/programmes/jci.toml").read_text(encoding="utf-8"))
WRITER = LetterWriter(PROGRAMME, WALLET, "http://localhost:8603", SECRET)
ID = "ABCDEFGHIJKLMNOPQRSTUVWX23"
OWN_LINK = receive_url(WALLET, SECRET, ID)
AWARD = Message(
    letter="award",
    assertion_id=ID,
    email="taro@example.jp",
    family_name="髙橋",
    given_name="𠮷之助",
    qualification="shindanshi",
    kind="new",
    valid_from=date(2026, 4, 1),
    valid_until=date(2030, 3, 31),
)
COMPLETION = replace(AWARD, letter="completion")
CORRECTION = replace(AWARD, letter="correction", corrects=True)
REVOCATION = replace(AWARD, letter="revocation", reason="登録の取り下げ")
VARIANTS = [
    *(replace(AWARD, letter=letter, reason="登録の取り下げ") for letter in LETTERS),
    replace(AWARD, kind="renewal"),
    replace(AWARD, corrects=True),
]


def test_the_subject_is_the_one_that_the_society_announced() -> None:
    assert WRITER.compose(AWARD).subject == PROGRAMME.texts.award_subject
    assert WRITER.compose(COMPLETION).subject == PROGRAMME.texts.completion_subject
    assert WRITER.compose(CORRECTION).subject == PROGRAMME.texts.correction_subject


def test_letter_1_has_its_button_and_its_url_on_a_line_of_its_own() -> None:
    mail = WRITER.compose(AWARD)
    url = receive_url(WALLET, SECRET, ID)
    assert url in mail.text.splitlines()
    assert f'<a href="{url}"' in mail.html
    assert "受領手続きをはじめる" in mail.html


def test_letter_2_leads_to_the_badge_and_to_its_public_page() -> None:
    mail = WRITER.compose(COMPLETION)
    assert OWN_LINK in mail.text.splitlines()
    assert f'<a href="{OWN_LINK}"' in mail.html
    assert f"http://localhost:8603/V/{ID}" in mail.text.splitlines()
    for text in (mail.text, mail.html):
        assert "だけのものです" in text and "受領" not in text


def test_the_letter_about_a_correction_leads_to_the_new_badge_and_does_not_ask_to_receive_it() -> None:
    mail = WRITER.compose(CORRECTION)
    assert OWN_LINK in mail.text.splitlines()
    assert f"http://localhost:8603/V/{ID}" in mail.text.splitlines()
    assert f'<a href="{OWN_LINK}"' in mail.html
    for text in (mail.text, mail.html):
        assert "訂正" in text
        assert "もうお使いになれません" in text
        assert "すでにウォレットに入っています" in text
        assert "受領手続きをはじめる" not in text


def test_the_award_letter_of_a_corrected_badge_says_that_it_is_a_correction() -> None:
    mail = WRITER.compose(replace(AWARD, corrects=True))
    for text in (mail.text, mail.html):
        assert "訂正" in text
        assert "前のバッジは、もうお使いになれません" in text
        assert receive_url(WALLET, SECRET, ID) in text
    for text in (WRITER.compose(AWARD).text, WRITER.compose(AWARD).html):
        assert "訂正" not in text


@pytest.mark.parametrize("letter", LETTERS)
def test_a_letter_names_its_holder_its_qualification_its_period_and_the_desk_to_ask(letter: Letter) -> None:
    mail = WRITER.compose(replace(AWARD, letter=letter))
    for text in (mail.text, mail.html):
        for needed in (
            "髙橋 𠮷之助 様",
            "コンクリート診断士",
            "2026年4月1日",
            "2030年3月31日",
            "e-shindan@jci.example.jp",
        ):
            assert needed in text
    assert mail.text.splitlines()[0] == "髙橋 𠮷之助 様"


class Seen(HTMLParser):
    """The text that a reader sees, one line for each block, and where the links lead."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.text = ""
        self.links: set[str] = set()
        self._hidden = 0
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._hidden += tag in ("style", "title")
        if tag not in ("a", "b"):
            self.text += "\n"
        if tag == "a":
            self.links.add(dict(attrs)["href"] or "")

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in ("style", "title")

    def handle_data(self, data: str) -> None:
        self.text += "" if self._hidden else data


def sentences(text: str) -> set[str]:
    """Without the marks of lists and headings, and without spaces."""
    parts = re.split(r"。|\n", text.replace("：", ""))
    flat = (re.sub(r"^([・■]|\d\.|--$|資格|有効期間|理由)", "", re.sub(r"\s", "", part)) for part in parts)
    return {part for part in flat if part}


# The HTML has buttons where the text has URLs.
TEXT_ONLY = {
    "次のURLを開いて、受領手続きをはじめてください",
    "次のURLを開いて、内容をご確認ください",
    "上のURLを開きます",
    "前のお知らせのURLは使わず、次のURLから受領なさってください",
    "バッジは、次のURL（オープンバッジウォレット）でご覧になれます",
}
HTML_ONLY = {
    "受領手続きをはじめる",
    "新しいバッジを見る",
    "バッジを見る",
    "上のボタンを押します",
    "ボタンを押せないときは、次のURLを開いてください",
    "次のボタンを押して、内容をご確認ください",
    "前のお知らせのURLは使わず、次のボタンから受領なさってください",
    "バッジは、次のURL（オープンバッジウォレット）でもご覧になれます",
    "オープンバッジを授与いたします",
    "発行が完了しました",
    "オープンバッジを訂正しました",
    "オープンバッジを取り消しました",
    "オープンバッジが受領を待っています",
    "登録の有効期間がまもなく終わります",
}


@pytest.mark.parametrize("message", VARIANTS, ids=lambda m: f"{m.letter}-{m.kind}-{m.corrects}")
def test_text_and_html_say_the_same_in_every_sentence(message: Message) -> None:
    mail = WRITER.compose(message)
    in_text, in_html = sentences(mail.text), sentences(Seen(mail.html).text)
    assert in_text - in_html <= TEXT_ONLY
    assert in_html - in_text <= HTML_ONLY


@pytest.mark.parametrize("message", VARIANTS, ids=lambda m: f"{m.letter}-{m.kind}-{m.corrects}")
def test_text_and_html_lead_to_the_same_places(message: Message) -> None:
    mail = WRITER.compose(message)
    links = {link.removeprefix("mailto:") for link in Seen(mail.html).links}
    alone = {line for line in mail.text.splitlines() if line.startswith("http") or ("@" in line and " " not in line)}
    assert links == alone


def test_each_label_of_the_wallet_that_a_letter_names_is_there() -> None:
    wallet = "".join(path.read_text(encoding="utf-8") for path in Path("services/wallet/templates").glob("*.html"))
    named = {label for message in VARIANTS for label in re.findall(r"「([^」]+)」", WRITER.compose(message).text)}
    assert named >= {"PDF", "証書", "内容詳細", "ダウンロード"}
    assert {label for label in named - {"名・氏", "氏・名"} if label not in wallet} == set()


def test_no_letter_promises_what_the_wallet_does_not_offer() -> None:
    for message in VARIANTS:
        for text in (WRITER.compose(message).text, WRITER.compose(message).html):
            assert "共有" not in text
            assert "署名の作成" not in text


def test_the_letter_about_a_revocation_says_why_and_leads_to_the_public_page_only() -> None:
    mail = WRITER.compose(REVOCATION)
    assert mail.subject == "公益社団法人 日本コンクリート工学会からオープンバッジ取り消しのお知らせ"
    for text in (mail.text, mail.html):
        assert "登録の取り下げ" in text
        assert f"http://localhost:8603/V/{ID}" in text
        assert "/receive/" not in text and "/badges/" not in text
    assert "理由" not in WRITER.compose(replace(REVOCATION, reason=None)).text


@pytest.mark.parametrize(
    "name", ["太郎\r\nBcc: all@example.jp", "太郎\n\n■ お願い", "太\u2028郎", "\u202e太郎", "太郎\x0b\x00"]
)
def test_a_name_stays_on_its_line_whatever_stands_in_it(name: str) -> None:
    mail = WRITER.compose(replace(AWARD, given_name=name))
    assert mail.text.splitlines()[0].startswith("髙橋 ")
    assert mail.text.splitlines()[0].endswith(" 様")
    assert mail.text.count("\n") == WRITER.compose(AWARD).text.count("\n")
    assert "\u202e" not in mail.text + mail.html


@pytest.mark.parametrize("letter", LETTERS)
@pytest.mark.parametrize("corrects", [True, False])
def test_the_html_is_at_most_8_kib_for_readers_on_old_phones(letter: Letter, corrects: bool) -> None:
    assert len(WRITER.compose(replace(AWARD, letter=letter, corrects=corrects)).html.encode()) <= 8192


def test_a_name_is_escaped_in_the_html() -> None:
    mail = WRITER.compose(replace(AWARD, family_name="<b>&"))
    assert "&lt;b&gt;&amp;" in mail.html
    assert "<b>& 𠮷之助 様" in mail.text


def test_another_societys_letter_names_that_society_only() -> None:
    other = msgspec.structs.replace(
        PROGRAMME,
        society=msgspec.structs.replace(
            PROGRAMME.society, name=Bilingual("構造保全協会", "SME"), url="https://sme.example"
        ),
        sender=msgspec.structs.replace(PROGRAMME.sender, address="noreply@sme.example"),
        texts=msgspec.structs.replace(
            PROGRAMME.texts, award_subject="授与", completion_subject="完了", correction_subject=None
        ),
        qualifications={id: msgspec.structs.replace(each, page=None) for id, each in PROGRAMME.qualifications.items()},
        desks={id: msgspec.structs.replace(desk, email=f"{id}@sme.example") for id, desk in PROGRAMME.desks.items()},
    )
    for letter in LETTERS:
        mail = LetterWriter(other, WALLET, WALLET, SECRET).compose(replace(AWARD, letter=letter))
        assert "jci" not in f"{mail}".lower()
        assert "コンクリート工学会" not in f"{mail}"
        assert "\n" not in mail.subject and mail.subject


def test_an_unknown_qualification_makes_no_letter() -> None:
    with pytest.raises(ValueError, match="expected one of gishi"):
        WRITER.compose(replace(AWARD, qualification="welder"))


def test_the_two_letters_of_a_badge_have_ids_and_return_paths_of_their_own() -> None:
    sender = PROGRAMME.sender
    assert message_id("award", ID, sender.address) == f"<award.{ID}@jci.example.jp>"
    assert message_id("award", ID, sender.address) != message_id("completion", ID, sender.address)
    assert return_path("completion", ID, sender.bounce_domain) == f"bounce+{ID}.completion@bounce.jci.example.jp"
