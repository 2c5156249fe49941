"""What receivers find in DNS: each record by the rules of its RFC, and what is wrong with one that they don't take."""

from __future__ import annotations

import pytest

from services.mailer.domain.dns_records import dkim_finding, dmarc_finding, dmarc_names, mx_finding, spf_finding
from tests.worlds.dkim_keys import ED25519, RSA

DOMAIN = "jci.example.jp"
NAME = f"{RSA.selector}._domainkey.{DOMAIN}"


@pytest.mark.parametrize(
    ("texts", "code"),
    [
        (["v=spf1 include:_spf.relay.example ~all"], None),
        (["V=SPF1 ip4:192.0.2.1 -all", "google-site-verification=x"], None),
        (["v=spf1 redirect=_spf.example.jp"], None),
        ([], "spf-missing"),
        (["v=spf10 -all", "spf1 a", "v=spf1ip4:192.0.2.1"], "spf-missing"),
        (["v=spf1 a -all", "v=spf1 mx -all"], "spf-several"),
        (["v=spf1 -all"], "spf-allows-nobody"),
        (["v=spf1"], "spf-allows-nobody"),
        (["v=spf1 ~all exp=x.example.jp"], "spf-allows-nobody"),
    ],
)
def test_spf_is_one_record_that_allows_somebody(texts: list[str], code: str | None) -> None:
    assert spf_finding(DOMAIN, texts).code == code


def test_a_dkim_key_is_compared_by_its_public_half_whatever_its_record_looks_like() -> None:
    for key in (RSA, ED25519):
        record = key.record
        spaced = record.replace("; ", " ;\t").replace("p=", "p= ").replace("v=DKIM1", " v = DKIM1 ")
        for text in (record, spaced, record.replace("v=DKIM1; ", ""), f"{record}; t=s; n=note"):
            assert dkim_finding(key, DOMAIN, [text]).state == "ok", text
    short = RSA.record.replace("k=rsa; ", "")
    assert dkim_finding(RSA, DOMAIN, [short]).state == "ok"  # rsa is what k means when it isn't there


@pytest.mark.parametrize(
    ("texts", "code"),
    [
        ([], "dkim-missing"),
        (["v=spf1 -all"], "dkim-missing"),
        (["v=DKIM2; k=rsa; p=abc"], "dkim-missing"),
        (["v=DKIM1; k=rsa; p="], "dkim-revoked"),
        ([ED25519.record], "dkim-differs"),
        ([RSA.record.replace("k=rsa", "k=ed25519")], "dkim-differs"),
        ([RSA.record, ED25519.record], "dkim-differs"),
        ([RSA.record[:-8]], "dkim-differs"),
    ],
)
def test_a_dkim_record_of_another_key_says_which_one_to_publish(texts: list[str], code: str) -> None:
    found = dkim_finding(RSA, DOMAIN, texts)
    assert (found.code, found.about, found.facts["record"]) == (code, NAME, RSA.record)


@pytest.mark.parametrize(
    ("texts", "code"),
    [
        (["v=DMARC1; p=none"], None),
        (["v=DMARC1;p=Reject;rua=mailto:d@example.jp"], None),
        ([], "dmarc-missing"),
        (["v=spf1 -all"], "dmarc-missing"),
        (["v=DMARC1"], "dmarc-unreadable"),
        (["v=DMARC1; p=nothing"], "dmarc-unreadable"),
        (["p=none; v=DMARC1"], "dmarc-unreadable"),
        (["v=DMARC1; p=none", "v=DMARC1; p=reject"], "dmarc-unreadable"),
    ],
)
def test_dmarc_is_one_record_with_a_policy(texts: list[str], code: str | None) -> None:
    assert dmarc_finding(DOMAIN, texts).code == code


def test_dmarc_is_looked_for_at_the_domain_and_above_it_but_not_at_the_top() -> None:
    assert dmarc_names("a.b.example.jp") == ["_dmarc.a.b.example.jp", "_dmarc.b.example.jp", "_dmarc.example.jp"]
    assert dmarc_names("example.jp") == ["_dmarc.example.jp"]
    assert dmarc_names("localhost") == ["_dmarc.localhost"]


@pytest.mark.parametrize(("hosts", "code"), [(["mx.example."], None), ([], "mx-missing"), (["."], "mx-missing")])
def test_a_domain_without_mx_or_with_a_null_mx_takes_no_mail(hosts: list[str], code: str | None) -> None:
    assert mx_finding(DOMAIN, hosts).code == code
