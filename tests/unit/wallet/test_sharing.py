from __future__ import annotations

from datetime import date
from urllib.parse import parse_qs, urlsplit

import pytest

from services.wallet.domain.sharing import ProfileEntry, share_links

URL = "https://badges.example.jp/V/" + "A" * 26


@pytest.mark.parametrize(
    ("name", "organisation"),
    [
        ("コンクリート技士", "公益社団法人 日本コンクリート工学会"),
        ("Authorized Concrete Engineer", "Japan Concrete Institute"),
        ("R&D + 100% ?=#士", "A & B"),
    ],
)
def test_the_entry_for_linkedin_fills_every_field_whatever_the_names_are(name: str, organisation: str) -> None:
    entry = ProfileEntry(name, organisation, date(2026, 4, 1), date(2030, 3, 31), "A" * 26, URL)
    address = urlsplit(entry.add_url)
    assert (address.netloc, address.path) == ("www.linkedin.com", "/profile/add")
    assert {field: values[0] for field, values in parse_qs(address.query, strict_parsing=True).items()} == {
        "startTask": "CERTIFICATION_NAME",
        "name": name,
        "organizationName": organisation,
        "issueYear": "2026",
        "issueMonth": "4",
        "expirationYear": "2030",
        "expirationMonth": "3",
        "certUrl": URL,
        "certId": "A" * 26,
    }


@pytest.mark.parametrize("text", ["コンクリート技士として登録されました。", "a & b", "100% #1?"])
def test_every_network_is_given_the_page_and_the_text_that_it_takes(text: str) -> None:
    links = share_links(URL, text)
    given = {network: parse_qs(urlsplit(link).query) for network, link in links.items()}
    assert given["LinkedIn"] == {"url": [URL]}
    assert given["Facebook"] == {"u": [URL]}
    assert given["X"] == given["LINE"] == {"url": [URL], "text": [text]}
    assert {urlsplit(link).scheme for link in links.values()} == {"https"}
