from __future__ import annotations

from pathlib import Path

import pytest

from shared.programme import parse_programme

TEXT = (Path(__file__).resolve().parents[3] / "deploy" / "programmes" / "jci.toml").read_text(encoding="utf-8")

ALIGNMENT = next(line for line in TEXT.splitlines() if line.startswith("  { name = "))


def changed(before: str, after: str) -> str:
    assert before in TEXT
    return TEXT.replace(before, after, 1)


def test_a_programme_may_leave_out_what_credentials_can_do_without() -> None:
    lines = [line for line in TEXT.splitlines() if not line.startswith(("phone", "page"))]
    text = "\n".join(lines).replace("alignment = [", "colours_of_others = [")
    programme = parse_programme(text)
    assert programme.society.phone is None
    assert {(each.page, each.alignment) for each in programme.qualifications.values()} == {(None, ())}


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("society.phone", changed('phone = "+81300000000"', 'phone = "03-0000-0000"')),
        ("society.colour", changed('colour = "#1f4e79"   #', 'colour = "blue"   #')),
        ("society.colour", changed('colour = "#1f4e79"   #', 'colour = "#1f4"   #')),
        ("society.colour", changed('colour = "#1f4e79"   #', 'colour = "#1f4e79}a{"   #')),
        ("qualifications.gishi.desk", changed('desk = "gishi"', 'desk = "elsewhere"')),
        ("qualifications.gishi.page", changed('page = "https://', 'page = "jci://')),
        (r"qualifications.gishi.alignment\[0\].url", changed('url = "https://jci.example.jp/exam', 'url = "/exam')),
        (r"qualifications.gishi.alignment\[0\].type", changed('"ceterms:Credential"', '"Credential"')),
        ("enquiries.answer_days", changed("answer_days = 7", "answer_days = 0")),
        (r"enquiries.forms\[0\].id", changed('id = "contact"', 'id = "指定連絡先"')),
        (r"enquiries.forms\[1\].id", changed('id = "contact-address"', 'id = "contact"')),
        (r"enquiries.forms\[2\].may_be_unknown", changed('= ["pass_number"]', '= ["phone"]')),
        (r"enquiries.questions\[1\].answer.ja", changed("{deadline}までに", "{期限}までに")),
        (r"enquiries.questions\[1\].answer.en", changed("by {deadline}, your", "by {deadline.year}, your")),
        ("desks.Gishi", changed("[desks.gishi]", "[desks.Gishi]").replace('desk = "gishi"', 'desk = "Gishi"')),
        ("paper.orders_from", changed('orders_from = "03-01"', 'orders_from = "3月1日"')),
        ("paper.orders_from", changed('orders_from = "03-01"', 'orders_from = "02-29"')),
        ("paper.orders_until", changed('orders_from = "03-01"', 'orders_from = "03-01"\norders_until = "02-end"')),
        ("paper.certificate.sent_from", changed('sent_from = "04-01"', 'sent_from = "04-31"')),
        ("paper.card.price", changed("price = 2500", "price = -1")),
        (
            "paper.payment_url",
            changed('orders_from = "03-01"', 'orders_from = "03-01"\npayment_url = "pay.example.jp"'),
        ),
        ("paper.address_kept_days", changed("address_kept_days = 90", "address_kept_days = 0")),
        ("qualifications.gishi.alignment", changed(ALIGNMENT, f"{ALIGNMENT}\n{ALIGNMENT}")),
    ],
)
def test_a_wrong_value_is_refused_with_its_place(field: str, text: str) -> None:
    with pytest.raises(ValueError, match=rf"^{field}.*got .*expected"):
        parse_programme(text)


def test_a_programme_may_print_nothing_or_one_product_and_a_section_without_products_is_refused() -> None:
    before, _, rest = TEXT.partition("[paper]\n")
    section, _, after = rest.partition("[desks.gishi]")
    common = section.partition("[paper.certificate]")[0]
    assert parse_programme(f"{before}[desks.gishi]{after}").paper is None
    card = '[paper.card]\nname = { ja = "カード", en = "Card" }\nprice = 0\nsent_from = "04-15"\n'
    paper = parse_programme(f"{before}[paper]\n{common}{card}[desks.gishi]{after}").paper
    assert paper is not None and paper.product("certificate") is None and paper.product("card") is not None
    with pytest.raises(ValueError, match=r"^paper: got no product, expected"):
        parse_programme(f"{before}[paper]\n{common}[desks.gishi]{after}")
