"""What stands in the letters."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
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
    assert f"{WALLET}/badges/{ID}" in mail.text.splitlines()
    assert f'<a href="{WALLET}/badges/{ID}"' in mail.html
    assert f"http://localhost:8603/V/{ID}" in mail.text.splitlines()
    assert "/receive/" not in mail.text + mail.html


def test_the_letter_about_a_correction_leads_to_the_new_badge_and_does_not_ask_to_receive_it() -> None:
    mail = WRITER.compose(CORRECTION)
    assert f"{WALLET}/badges/{ID}" in mail.text.splitlines()
    assert f"http://localhost:8603/V/{ID}" in mail.text.splitlines()
    assert f'<a href="{WALLET}/badges/{ID}"' in mail.html
    for text in (mail.text, mail.html):
        assert "訂正" in text
        assert "もうお使いになれません" in text
        assert "すでにウォレットに入っています" in text
        assert "/receive/" not in text


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


@pytest.mark.parametrize("letter", LETTERS)
@pytest.mark.parametrize("corrects", [True, False])
def test_the_html_is_at_most_3_kib_for_readers_on_old_phones(letter: Letter, corrects: bool) -> None:
    assert len(WRITER.compose(replace(AWARD, letter=letter, corrects=corrects)).html.encode()) <= 3072


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
