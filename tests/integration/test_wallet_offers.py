"""A badge taken into another wallet: our endpoints, and a client of others that follows an offer.

Tests services/wallet: offers, web/oid4vci, store/offers.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from PIL import Image

from deploy.local.ports import free_port
from services.wallet import handlers
from services.wallet.web.oid4vci import GRANT
from services.wallet.web.site import web_app
from shared import object_keys
from shared.erasure_events import PersonErased
from shared.events import Event
from tests.worlds.http_server import serving
from tests.worlds.outside_verifier import ask_node
from tests.worlds.qr_codes import qr_codes_in
from tests.worlds.wallet import Wallet, config, corrected, join, revoked, running_wallet

pytest_plugins = ("tests.worlds.wallet_fixtures",)


@pytest.fixture
def wallet(wallet_url: str) -> Iterator[Wallet]:
    """At the address that its offers name."""
    with running_wallet(wallet_url) as made:
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        with serving(web_app(config(wallet_url, made.clock, url), made.ports, patience=0.1), port=port):
            yield replace(made, url=url)


def holder(wallet: Wallet, address: str = "a@example.jp") -> tuple[httpx.Client, str]:
    browser, badge = wallet.browser(), wallet.issue(address).assertion_id
    join(browser, wallet, badge)
    wallet.finish(badge)
    return browser, badge


def offer(browser: httpx.Client, badge: str) -> str:
    page = browser.post(f"/badges/{badge}/offer").text
    found = re.search(r'href="(openid-credential-offer:[^"]+)"', page)
    assert found
    link = html.unescape(found[1])
    assert read_from(page) == link
    return link


def read_from(page: str) -> str:
    """What a telephone reads from the page's QR code."""
    drawn = re.search(r'<svg viewBox="0 0 (\d+) \1"><path d="([^"]+)"/></svg>', page)
    assert drawn
    size, scale = int(drawn[1]), 4
    picture = Image.new("L", (size * scale, size * scale), "white")
    for run in re.finditer(r"M(\d+) (\d+)h(\d+)v1h-\3z", drawn[2]):
        x, y, width = map(int, run.groups())
        picture.paste(0, (x * scale, y * scale, (x + width) * scale, (y + 1) * scale))
    (code,) = qr_codes_in(picture)
    return code.text


def code_of(link: str) -> str:
    given = httpx.get(httpx.URL(link).params["credential_offer_uri"], trust_env=False).json()
    return str(given["grants"][GRANT]["pre-authorized_code"])


def redeem(wallet: Wallet, code: str, grant: str = GRANT, **further: str) -> httpx.Response:
    data = {"grant_type": grant, "pre-authorized_code": code, **further}
    return httpx.post(f"{wallet.url}/oid4vci/token", data=data, trust_env=False)


def fetch(wallet: Wallet, token: str, request: Any = None) -> httpx.Response:
    asked = {"credential_configuration_id": "OpenBadgeCredential"} if request is None else request
    headers = {"authorization": f"Bearer {token}"} if token else {}
    return httpx.post(f"{wallet.url}/oid4vci/credential", json=asked, headers=headers, trust_env=False)


def encrypted(how: Any) -> dict[str, Any]:
    """A credential request with this as the member that asks for an encrypted answer."""
    return {"credential_configuration_id": "OpenBadgeCredential", "credential_response_encryption": how}


def test_another_wallet_follows_the_offer_and_holds_the_same_credential_and_the_offer_is_used_up(
    wallet: Wallet,
) -> None:
    browser, badge = holder(wallet)
    link = offer(browser, badge)
    first, second = ask_node("take_offer.mjs", [{"offer": link}, {"offer": link}])
    assert first.get("credential") == json.loads(wallet.objects.kept[object_keys.credential(badge)]), first
    assert (first["configuration"], first["format"]) == ("OpenBadgeCredential", "ldp_vc")
    assert first["version"] == "V1"
    assert "invalid_grant" in second["error"]


def test_a_code_that_is_unknown_used_or_over_gives_no_token(wallet: Wallet) -> None:
    browser, badge = holder(wallet)
    code, late = code_of(offer(browser, badge)), code_of(offer(browser, badge))
    answer = redeem(wallet, code)
    assert answer.status_code == 200 and answer.headers["cache-control"] == "no-store"
    assert answer.json()["token_type"] == "Bearer" and answer.json()["scope"] == "OpenBadgeCredential"
    wallet.clock.now += timedelta(minutes=11)
    for wrong in (code, late, code.swapcase(), "x" * 2000, "ありえない"):
        answer = redeem(wallet, wrong)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    for refused, error in (
        (redeem(wallet, "x", "authorization_code"), "unsupported_grant_type"),
        (redeem(wallet, "x", "y" * 2000), "unsupported_grant_type"),
        (redeem(wallet, ""), "invalid_request"),
        (redeem(wallet, "x", ""), "invalid_request"),
        (redeem(wallet, "x", tx_code="493536"), "invalid_request"),
    ):
        assert (refused.status_code, refused.json()["error"]) == (400, error)
    assert handlers.forget(wallet.ports) == 2 and handlers.forget(wallet.ports) == 0


def test_only_a_token_that_counts_opens_the_one_badge_that_was_offered(wallet: Wallet) -> None:
    browser, badge = holder(wallet)
    token = redeem(wallet, code_of(offer(browser, badge))).json()["access_token"]
    for wrong in ("x", token[:-1], code_of(offer(browser, badge))):
        answer = fetch(wallet, wrong)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, 'Bearer error="invalid_token"')
    answer = fetch(wallet, "")
    assert (answer.status_code, answer.headers["www-authenticate"], answer.text) == (401, "Bearer", "")
    for asked, error in (
        ({"credential_configuration_id": "Other"}, "unknown_credential_configuration"),
        ({"credential_configuration_id": None}, "unknown_credential_configuration"),
        ({"credential_identifier": "OpenBadgeCredential"}, "unknown_credential_identifier"),
        (dict.fromkeys(("credential_configuration_id", "credential_identifier"), "x"), "invalid_credential_request"),
        ({}, "invalid_credential_request"),
        ([], "invalid_credential_request"),
        ("text", "invalid_credential_request"),
        (encrypted({"jwk": {"kty": "EC"}, "enc": "A128GCM"}), "invalid_encryption_parameters"),
        (encrypted({}), "invalid_encryption_parameters"),
    ):
        answer = fetch(wallet, token, asked)
        assert (answer.status_code, answer.json()["error"]) == (400, error)
    twice = '{"credential_configuration_id": "Other", "credential_configuration_id": "OpenBadgeCredential"}'
    headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
    answer = httpx.post(f"{wallet.url}/oid4vci/credential", content=twice, headers=headers, trust_env=False)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_credential_request")
    for plain in (None, encrypted(None)):
        credentials = fetch(wallet, token, plain).json()["credentials"]
        assert [each["credential"]["id"] for each in credentials] == [
            f"http://verifier.example/credentials/{badge}.json"
        ]


def test_a_token_counts_for_the_five_minutes_that_one_without_a_bound_client_may(wallet: Wallet) -> None:
    """OpenID4VCI 1.0, 13.10."""
    browser, badge = holder(wallet)
    code = code_of(offer(browser, badge))
    wallet.clock.now += timedelta(minutes=9)
    given = redeem(wallet, code).json()
    assert given["expires_in"] == 300
    wallet.clock.now += timedelta(minutes=4, seconds=59)
    assert fetch(wallet, given["access_token"]).status_code == 200
    wallet.clock.now += timedelta(seconds=2)
    assert fetch(wallet, given["access_token"]).status_code == 401


def test_what_is_no_token_request_is_refused_as_oauth_says_and_uses_no_code_up(wallet: Wallet) -> None:
    browser, badge = holder(wallet)
    code = code_of(offer(browser, badge))
    good = {"grant_type": GRANT, "pre-authorized_code": code}
    twice, kind = f"{urlencode(good)}&pre-authorized_code={code}", "application/x-www-form-urlencoded"
    sent: list[dict[str, Any]] = [
        {"json": good},
        {"data": {"grant_type": GRANT}, "files": {"pre-authorized_code": ("a", code.encode())}},
        {"content": b"x", "headers": {"content-type": "multipart/form-data"}},
        {"content": twice, "headers": {"content-type": kind}},
        {"content": urlencode(good)},
        {},
    ]
    for each in sent:
        answer = httpx.post(f"{wallet.url}/oid4vci/token", trust_env=False, **each)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request"), each
        assert answer.headers["cache-control"] == "no-store"
    further = {"tx_code": "", "client_id": "x", "resource": ["a", "b"]}  # left out; ignored, however often
    headers = {"content-type": f"{kind}; charset=utf-8"}
    content = urlencode({**good, **further}, doseq=True)
    answer = httpx.post(f"{wallet.url}/oid4vci/token", content=content, headers=headers, trust_env=False)
    assert answer.status_code == 200


def test_the_metadata_name_the_one_way_to_ask_and_nothing_that_is_empty(wallet: Wallet) -> None:
    """RFC 8414, 3.2; OpenID4VCI 1.0, 12.2.4: without a scope there would have to be authorization_details."""
    issuer, server = (
        httpx.get(f"{wallet.url}/.well-known/{name}", trust_env=False).json()
        for name in ("openid-credential-issuer", "oauth-authorization-server")
    )
    assert (issuer["credential_issuer"], server["issuer"]) == (wallet.url, wallet.url)
    assert [] not in issuer.values() and [] not in server.values()
    [kind] = issuer["credential_configurations_supported"].values()
    assert [kind["scope"]] == server["scopes_supported"]
    assert "proof_types_supported" not in kind and "cryptographic_binding_methods_supported" not in kind
    endpoints = {name for name in issuer if name.endswith(("_endpoint", "_encryption", "_issuance"))}
    assert endpoints == {"credential_endpoint"}, "what isn't there is not advertised"


def test_what_else_goes_wrong_is_told_to_a_wallet_in_json_whatever_it_accepts(wallet: Wallet) -> None:
    browser, badge = holder(wallet)
    token = redeem(wallet, code_of(offer(browser, badge))).json()["access_token"]
    wallet.objects.away = True
    away, method, absent = (
        fetch(wallet, token),
        httpx.get(f"{wallet.url}/oid4vci/token", trust_env=False),
        httpx.get(f"{wallet.url}/.well-known/jwt-vc-issuer", trust_env=False),
    )
    wallet.objects.away = False
    for answer, status in ((away, 503), (method, 405), (absent, 404)):
        assert (answer.status_code, answer.json()["error"]) == (status, status)
    assert fetch(wallet, token).status_code == 200, "an outage uses nothing up"
    page = httpx.get(f"{wallet.url}/oid4vci/token", headers={"accept": "text/html"}, trust_env=False)
    assert page.headers["content-type"].startswith("text/html")


@pytest.mark.parametrize("ending", ["revoked", "corrected", "erased"])
def test_what_was_revoked_corrected_or_erased_after_the_offer_is_not_given_out(wallet: Wallet, ending: str) -> None:
    issued = wallet.issue("a@example.jp")
    ids = (issued.award.registration_id,)
    endings: dict[str, Event] = {
        "revoked": revoked(issued.assertion_id),
        "corrected": corrected(issued),
        "erased": PersonErased(decision_id="1", subject=ids[0], registration_ids=ids, erased_at=issued.issued_at),
    }
    with wallet.browser() as browser:
        join(browser, wallet, issued.assertion_id)
        assert browser.post(f"/badges/{issued.assertion_id}/offer").status_code == 404, "not issued yet"
        wallet.finish(issued.assertion_id)
        token = redeem(wallet, code_of(offer(browser, issued.assertion_id))).json()["access_token"]
        code = code_of(offer(browser, issued.assertion_id))
        wallet.consume(endings[ending])
        assert fetch(wallet, token).status_code == 401
        again = redeem(wallet, code)
        assert again.status_code == 400 if ending == "erased" else fetch(wallet, again.json()["access_token"]).is_error
        page = browser.post(f"/badges/{issued.assertion_id}/offer")
        assert page.url.path == "/login" if ending == "erased" else page.status_code == 404


def test_nobody_offers_another_persons_badge_and_no_other_site_makes_a_holder_offer_one(wallet: Wallet) -> None:
    browser, badge = holder(wallet)
    other, _ = holder(wallet, "b@example.jp")
    assert other.post(f"/badges/{badge}/offer").status_code == 404
    assert browser.get(f"/badges/{badge}/offer").url.path == f"/badges/{badge}"
    with wallet.ports.store.transaction() as tx:
        assert tx.fetch_value("select count(*) from offers") == 0, "looking makes no offer"
    forged = browser.post(f"/badges/{badge}/offer", headers={"origin": "https://evil.example"})
    assert forged.status_code == 403
    with wallet.browser() as stranger:
        assert stranger.post(f"/badges/{badge}/offer").url.path == "/login"


def test_codes_and_tokens_are_kept_as_hashes_only(wallet: Wallet) -> None:
    browser, badge = holder(wallet)
    code = code_of(offer(browser, badge))
    token = redeem(wallet, code).json()["access_token"]
    with wallet.ports.store.transaction() as tx:
        [row] = tx.cursor.execute("select code_sha256, token_sha256 from offers").fetchall()
    assert [len(bytes(each)) for each in row] == [32, 32]
    assert code.encode() not in bytes(row[0]) and token.encode() not in bytes(row[1])
