"""Letters that are joined of pieces, beside what their templates make of the same values: domain/outline.py."""

from __future__ import annotations

from dataclasses import replace

import jinja2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.mailer.domain.letters import LETTERS, Letter, occasion_of
from services.mailer.domain.mime import one_line
from services.mailer.domain.outline import outline_of
from tests.unit.mailer.test_letters import AWARD, WRITER

TEXTS = st.text(st.sampled_from("山田𠮷A <>&\"'{}%\n\t　=~\ue000\ue001\u200b"), max_size=12)
ENVIRONMENT = jinja2.Environment(
    loader=jinja2.DictLoader(
        {
            "a.txt": "{{ name }} 様、{{ kind }}\n{% if name %}{{ url }}{% endif %}{{ name }}",
            "a.html": '<p title="{{ name }}">{{ kind }}<a href="{{ url }}">{{ name }}</a>',
            "none.txt": "{{ kind }}",
        }
    ),
    autoescape=jinja2.select_autoescape(("html",)),
)


@pytest.mark.parametrize("name", ["a.txt", "a.html", "none.txt"])
@given(name_of_person=TEXTS.filter(bool), url=TEXTS, kind=TEXTS)
def test_what_is_filled_in_is_what_the_template_makes(name: str, name_of_person: str, url: str, kind: str) -> None:
    kind = kind.replace("\ue000", "")  # the gaps' own mark
    template, own = ENVIRONMENT.get_template(name), {"name": name_of_person, "url": url}
    outline = outline_of(template, {"kind": kind}, ("name", "url"))
    assert outline.filled(own) == template.render({"kind": kind, **own})


@pytest.mark.parametrize("letter", LETTERS)
@settings(max_examples=25)
@given(
    family_name=TEXTS,
    given_name=TEXTS,
    corrects=st.booleans(),
    is_renewal=st.booleans(),
    reason=st.none() | st.just("登録の取り下げ <&>"),
)
def test_each_letter_is_what_its_templates_make_of_all_values(
    letter: Letter, family_name: str, given_name: str, corrects: bool, is_renewal: bool, reason: str | None
) -> None:
    message = replace(
        AWARD,
        letter=letter,
        assertion_id="Z" * 26,
        family_name=family_name,
        given_name=given_name,
        corrects=corrects,
        kind="renewal" if is_renewal else "new",
        reason=reason,
    )
    values = {**WRITER._badge_values(occasion_of(message)), **WRITER._own_values(message)}
    subject, text, html = (template.render(values) for template in WRITER._templates[letter, "ja"])
    mail = WRITER.compose(message)
    assert (mail.subject, mail.text, mail.html) == (one_line(subject), text, html)
