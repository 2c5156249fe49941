"""The public pages, the API and `akashi verify`, on a real chain and a real PostgreSQL."""

from __future__ import annotations

import gzip
import html
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from deploy.local.loopback import ask
from deploy.local.ports import free_port
from services.verifier import publication, verification
from services.verifier.check.disclosure import Withheld
from services.verifier.store import VerifierTransaction
from shared.credentials.baking import bake_png, bake_svg, unbake_png
from shared.events import AssertionIssued, AssertionRevoked, BadgeReceived, BadgeVisibilityChanged
from shared.programme import PublicPage
from tests.worlds.anvil import Anvil, anvil
from tests.worlds.credentials import assertion
from tests.worlds.pdfs import printed
from tests.worlds.postgres import Databases
from tests.worlds.verifier import AT, VerifierWorld, verifier_world, verify

UNKNOWN = "A" * 26


@pytest.fixture(scope="module")
def chain() -> Iterator[Anvil]:
    with anvil() as made:
        yield made


@pytest.fixture
def world(databases: Databases, chain: Anvil) -> Iterator[VerifierWorld]:
    port = free_port()
    with verifier_world(chain, databases.fresh(), port) as made:
        yield made


def id_of(document: dict[str, Any]) -> str:
    return str(document["id"]).rpartition("/")[2].removesuffix(".json")


def page(world: VerifierWorld, document: dict[str, Any], language: str = "ja") -> str:
    answer = ask.get(f"{world.url}/V/{id_of(document)}?lang={language}")
    assert answer.status_code == 200
    assert len(gzip.compress(answer.content)) < 10_000  # too heavy for a phone otherwise
    return answer.text.replace("<wbr>", "")


def kind(world: VerifierWorld, document: dict[str, Any]) -> str:
    """The verdict by the API, of the badge on the shelf and of the file: they must agree."""
    by_id = ask.get(f"{world.url}/api/v1/verify", params={"id": id_of(document)}).json()
    by_file = ask.post(f"{world.url}/api/v1/verify", content=json.dumps(document)).json()
    assert by_id["verdict"] == by_file["verdict"]
    return str(by_id["verdict"])


def test_a_scanned_code_leads_to_a_page_with_the_facts(world: VerifierWorld) -> None:
    [badge] = world.anchor(world.issue())
    scanned = f"{world.url}/V/{id_of(badge)}".upper().replace("HTTP://LOCALHOST", "http://localhost")
    text = ask.get(scanned, headers={"accept-language": "ja"}).text.replace("<wbr>", "")
    for fact in ("有効な証明書です", "髙橋 一郎", "コンクリート主任技士", "26-00001", "2026年5月11日", "2030年3月31日"):
        assert fact in text
    assert "valid" in page(world, badge, "en") and "Authorized Chief Concrete Engineer" in page(world, badge, "en")
    assert text.count("<script") == text.count("<script src=") == text.count(" defer></script>")  # it does without
    typed = ask.get(f"{world.url}/v/{id_of(badge).lower()}?lang=en")
    assert typed.status_code == 308 and typed.headers["location"] == f"{world.url}/V/{id_of(badge)}?lang=en"


def test_an_unknown_address_says_so(world: VerifierWorld) -> None:
    for id in (UNKNOWN, "x", "A" * 25 + "1", "..%2Fissuer%2Fdid"):
        answer = ask.get(f"{world.url}/V/{id}?lang=ja")
        assert answer.status_code == 404
        assert "有効な" not in answer.text.replace("<wbr>", "")
    assert "見つかりません" in ask.get(f"{world.url}/V/{UNKNOWN}?lang=ja").text.replace("<wbr>", "")


def test_a_badge_before_finality_is_in_progress(world: VerifierWorld) -> None:
    badge = world.issue()
    assert kind(world, badge) == "in-progress"
    assert "発行手続き中です" in page(world, badge) and "有効な証明書です" not in page(world, badge)
    [young] = world.anchor(badge, final=False)
    assert kind(world, young) == "in-progress"
    world.chain.mine(8)
    assert kind(world, young) == "valid"


def test_a_badge_waits_for_its_receipt_until_its_holder_has_it(world: VerifierWorld, tmp_path: Path) -> None:
    """By the page, the API and the command, and from the page of the registration before."""
    former_id = assertion(1).assertion_id
    [former] = world.anchor(world.issue(1))
    renewal = world.issue(2, replaces=former_id)
    world.note(VerifierTransaction.note_issued, issued(1), issued(2, replaces=former_id))
    assert kind(world, renewal) == "waiting-for-receipt"
    assert "受領待ちです" in page(world, renewal) and "登録は有効です。" in page(world, renewal)
    assert "数時間" not in page(world, renewal) and "Waiting for receipt" in page(world, renewal, "en")
    code, text = verify(world, tmp_path, f"{world.url}/V/{id_of(renewal)}")
    assert code == 2 and "受領待ちです" in text and "登録は有効です。" in text
    code, text = verify(world, tmp_path, f"{world.url}/V/{id_of(renewal)}", "--json")
    answer = json.loads(text)
    assert (code, answer["verdict"], answer["received"]) == (2, "waiting-for-receipt", False)

    world.moment = AT + timedelta(days=365 * 4)  # of another cycle: the old one has lapsed
    old = page(world, former)
    assert "登録は更新されています" in old and "更新後の証明書のページでお確かめください" in old
    assert "現在の資格の証明には使えません" not in old and "新しい登録証を見せて" not in old
    world.moment = AT

    received = BadgeReceived(assertion_id=id_of(renewal), received_at=AT)
    world.note(VerifierTransaction.note_received, received)
    assert kind(world, renewal) == "in-progress" and by_id(world, renewal)["received"] is True
    [anchored] = world.anchor(renewal)
    assert kind(world, anchored) == "valid"


def test_what_a_check_found_is_told_in_the_readers_language_and_raw_below(world: VerifierWorld) -> None:
    [badge] = world.anchor(world.issue())
    checks = by_id(world, badge)["checks"]
    for language in ("ja", "en"):
        text = html.unescape(page(world, badge, language))
        for check in checks:
            assert f"<small>{check['said'][language]}</small>" in text
            assert f'<small class="mono" lang="en">{check["got"]}</small>' in text


@pytest.mark.parametrize(
    ("language", "said"), [("ja", "ふつうのウェブサイトでは使わないポート番号"), ("en", "a port number that web sites")]
)
def test_a_refused_url_is_explained_and_raw_below(world: VerifierWorld, language: str, said: str) -> None:
    url = "https://badges.example:8444/V/A"
    answer = ask.post(f"{world.url}/verify?lang={language}", files={"url": (None, url)})
    assert answer.status_code == 422 and said in answer.text
    assert '<p class="mono" lang="en">got port 8444, expected 443 or 8443 for https</p>' in answer.text
    assert said in ask.post(f"{world.url}/api/v1/verify", params={"url": url}).text


def test_only_a_valid_page_is_shared_with_picture_and_name_and_the_name_only_if_its_holder_shows_it(
    world: VerifierWorld,
) -> None:
    shown, hidden, taken, replaced, past = world.anchor(*(world.issue(3 * number + 1) for number in range(5)))
    [waiting] = [world.issue(40)]
    hide = BadgeVisibilityChanged(assertion_id=id_of(hidden), details_public=False, revision=1)
    world.note(VerifierTransaction.note_visibility, hide)
    world.note(VerifierTransaction.note_revoked, revoked(taken, None), revoked(replaced, shown))

    def preview(badge: dict[str, Any]) -> str:
        return "\n".join(line for line in page(world, badge).splitlines() if "og:" in line or "twitter:" in line)

    picture = f'<meta property="og:image" content="{world.url}/preview/shunin-gishi/2026.png">'
    assert picture in preview(shown) and 'content="コンクリート主任技士｜髙橋 一郎 さんの登録証"' in preview(shown)
    assert picture in preview(hidden) and 'content="コンクリート主任技士｜登録証"' in preview(hidden)
    assert "高橋" not in preview(hidden) and "髙橋" not in preview(hidden)
    ended = {"取り消": taken, "訂正": replaced, "手続き中": waiting}
    for word, badge in ended.items():
        assert word in preview(badge) and "og:image" not in preview(badge) and "髙橋" not in preview(badge)
    world.moment = datetime(2031, 1, 1, tzinfo=UTC)
    world.revoke()
    assert "og:image" not in preview(past) and "髙橋" not in preview(past)


def test_without_the_chain_the_storage_or_the_list_a_badge_could_not_be_checked(world: VerifierWorld) -> None:
    [badge] = world.anchor(world.issue())
    assert kind(world, badge) == "valid"
    node, world.node = world.node, "http://127.0.0.1:9"
    assert kind(world, badge) == "could-not-check"
    assert "ブロックチェーンを確認できませんでした" in page(world, badge)
    world.node = node
    kept = world.shelf.kept.pop("status/1.json")
    assert kind(world, badge) == "could-not-check"
    world.shelf.kept["status/1.json"] = kept
    world.shelf.away = True
    answer = ask.get(f"{world.url}/V/{id_of(badge)}?lang=ja")
    assert answer.status_code == 503 and "今は確認できません" in answer.text.replace("<wbr>", "")


def test_a_revocation_counts_before_the_next_list(world: VerifierWorld) -> None:
    badge, other = world.anchor(world.issue(1), world.issue(2))
    told = AssertionRevoked(assertion_id=id_of(badge), reason="本人の申し出", revoked_at=AT)
    world.note(VerifierTransaction.note_revoked, told, told)
    assert kind(world, badge) == "revoked"
    text = page(world, badge)
    assert "取り消された証明書です" in text and "本人の申し出" in text
    assert by_id(world, badge)["revocation"] == {"revoked_at": "2026-05-11T10:23:00+09:00", "reason": "本人の申し出"}
    assert kind(world, other) == "valid"
    world.revoke(int(other["credentialStatus"]["statusListIndex"]))
    assert kind(world, other) == "revoked"


def issued(number: int, **changes: Any) -> AssertionIssued:
    made = assertion(number, **changes)
    return AssertionIssued(
        assertion_id=made.assertion_id,
        leaf="00" * 32,
        award=made.award,
        holder=made.holder,
        issued_at=AT,
        notify_from=AT,
        status_list=1,
        status_index=1,
        replaces=made.replaces,
        version=made.version,
        corrects=made.corrects,
    )


def revoked(document: dict[str, Any], replaced_by: dict[str, Any] | None) -> AssertionRevoked:
    newer = id_of(replaced_by) if replaced_by else None
    return AssertionRevoked(assertion_id=id_of(document), reason="訂正：氏名", revoked_at=AT, replaced_by=newer)


def by_id(world: VerifierWorld, document: dict[str, Any]) -> dict[str, Any]:
    url = f"{world.url}/api/v1/verify"
    answer: dict[str, Any] = ask.get(url, params={"id": id_of(document)}).json()
    return answer


def links(world: VerifierWorld, document: dict[str, Any]) -> dict[str, str]:
    """Where the API leads from a badge, as ids; page and file must lead there, too."""
    told, text = by_id(world, document), page(world, document)
    content = json.dumps(document)
    by_file = ask.post(f"{world.url}/api/v1/verify", content=content).json()
    named = ("replaced_by", "renewed_as", "renews")
    found = {name: told[name] for name in named if told[name]}
    assert found == {name: by_file[name] for name in named if by_file[name]}
    for url in found.values():
        assert url.startswith(f"{world.url}/V/") and f'href="{url.removeprefix(world.url)}"' in text
    return {name: url.rpartition("/")[2] for name, url in found.items()}


def test_an_expired_badge_leads_to_its_renewal_and_back(world: VerifierWorld) -> None:
    former_id = assertion(1).assertion_id
    former, renewal = world.anchor(world.issue(1), world.issue(2, replaces=former_id))
    assert links(world, renewal) == {"renews": former_id}  # signed, so known before any event
    world.note(VerifierTransaction.note_issued, issued(2, replaces=former_id), issued(1))
    world.moment = AT + timedelta(days=365 * 5)
    assert kind(world, former) == "expired"
    text = page(world, former)
    assert "期限が切れた証明書です" in text and "取り消" not in text.split("<details")[0]
    assert links(world, former) == {"renewed_as": id_of(renewal)}
    assert links(world, renewal) == {"renews": id_of(former)}


def test_a_corrected_badge_leads_to_the_newest_version(world: VerifierWorld) -> None:
    """Both the former registration and its renewal are corrected twice: every page leads to the newest versions."""
    former = [assertion(1, version=number).assertion_id for number in (1, 2)]
    changes: list[dict[str, Any]] = [
        {"number": 1, "version": 1},
        {"number": 1, "version": 2, "corrects": former[0]},
        {"number": 2, "version": 1, "replaces": former[0]},
        {"number": 2, "version": 2, "replaces": former[1]},
        {"number": 2, "version": 3, "replaces": former[1]},
    ]
    old, corrected, first, second, third = world.anchor(*(world.issue(**each) for each in changes))
    world.note(VerifierTransaction.note_revoked, revoked(first, second), revoked(old, corrected))  # events in any order
    world.note(VerifierTransaction.note_issued, *(issued(**each) for each in reversed(changes)))
    world.note(VerifierTransaction.note_revoked, revoked(second, third))

    assert links(world, old) == {"replaced_by": id_of(corrected), "renewed_as": id_of(third)}
    assert links(world, corrected) == {"renewed_as": id_of(third)}
    assert links(world, first) == {"replaced_by": id_of(third), "renews": id_of(corrected)}
    assert links(world, second) == {"replaced_by": id_of(third), "renews": id_of(corrected)}
    assert links(world, third) == {"renews": id_of(corrected)}
    assert kind(world, old) == kind(world, first) == kind(world, second) == "revoked"
    text = page(world, old)
    assert (
        "訂正され、新しい証明書に替わりました" in text and "訂正：氏名" in text and "取り消" not in text.split("<ol")[0]
    )
    assert "訂正した日" in text and 'class="verdict verdict--old"' in text
    body = text.partition("<main")[2]
    assert body.index(f"/V/{id_of(corrected)}") < body.index("記載を訂正した新しい証明書があります")
    assert "corrected and replaced" in page(world, old, "en")


def test_a_badge_issued_again_after_an_undo_is_found_from_the_old_one(world: VerifierWorld) -> None:
    old, again = world.anchor(world.issue(1), world.issue(1, version=2))
    world.note(VerifierTransaction.note_revoked, revoked(old, None))
    world.note(VerifierTransaction.note_issued, issued(1))
    assert links(world, old) == {} and "取り消された証明書です" in page(world, old)
    world.note(VerifierTransaction.note_issued, issued(1, version=2))
    assert links(world, old) == {"replaced_by": id_of(again)}
    world.note(VerifierTransaction.note_revoked, revoked(again, None))
    assert links(world, old) == {}


@pytest.mark.parametrize("by", ["link", "capitals", "identifier"])
def test_a_printed_certificate_leads_to_what_its_page_says(world: VerifierWorld, tmp_path: Path, by: str) -> None:
    [badge] = world.anchor(world.issue(1))
    url = f"{world.url}/V/{id_of(badge)}"
    content = {
        "link": lambda: printed("https://jci.example.jp/", url),
        "capitals": lambda: printed(url.upper()),
        "identifier": lambda: printed(identifier=url),
    }[by]()
    file = tmp_path / "certificate.pdf"
    file.write_bytes(content)

    def handed_in(language: str = "ja") -> str:
        answer = ask.post(f"{world.url}/verify?lang={language}", files={"file": ("certificate.pdf", content)})
        assert answer.status_code == 200
        return answer.text.replace("<wbr>", "")

    text = handed_in()
    assert "このPDFのQRコードが示す登録の状態" in text and "このPDFそのものは確かめていません" in text
    assert "有効な証明書です" in text and "26-00001" in text and "壊れて" not in text
    assert "The PDF itself was not checked" in handed_in("en")
    answer = ask.post(f"{world.url}/api/v1/verify", content=content).json()
    assert (answer["verdict"], answer["printed"]) == ("valid", True)
    code, said = verify(world, tmp_path, str(file))
    assert code == 0 and "PDFそのものは確かめていません" in said and "有効な証明書です" in said

    hidden = BadgeVisibilityChanged(assertion_id=id_of(badge), details_public=False, revision=1)
    world.note(VerifierTransaction.note_visibility, hidden)
    assert (
        "26-00001" not in handed_in() and "26-00001" not in ask.post(f"{world.url}/api/v1/verify", content=content).text
    )
    world.note(VerifierTransaction.note_revoked, revoked(badge, None))
    assert "取り消された証明書です" in handed_in()


def test_a_pdf_that_leads_elsewhere_holds_no_badge_and_is_not_called_broken(world: VerifierWorld) -> None:
    [one, two] = world.anchor(world.issue(1), world.issue(2))
    pages = [f"{world.url}/V/{id_of(badge)}" for badge in (one, two)]
    look_alikes = [
        pages[0].replace("localhost", "localhost.evil.example"),
        pages[0].replace("http://", "http://evil@"),
        f"https://evil.example/?{pages[0]}",
        f"{pages[0]}x",
        f"{world.url}/credentials/{id_of(one)}.json",
    ]
    for content in (printed(), *map(printed, look_alikes), printed(*pages), printed(pages[0], identifier=pages[1])):
        text = ask.post(f"{world.url}/verify?lang=ja", files={"file": ("x.pdf", content)}).text.replace("<wbr>", "")
        assert "証明書のデータがありません" in text and "壊れて" not in text and "このPDFのQRコード" not in text
        assert 'class="verdict verdict--wait"' in text and "髙橋" not in text


def test_a_printed_certificate_that_was_never_issued_is_not_found(world: VerifierWorld, tmp_path: Path) -> None:
    content = printed(f"{world.url}/V/{UNKNOWN}")
    answer = ask.post(f"{world.url}/verify?lang=ja", files={"file": ("x.pdf", content)})
    assert answer.status_code == 404 and "この番号の証明書は、発行されていません。" in answer.text
    assert ask.post(f"{world.url}/api/v1/verify", content=content).status_code == 404
    (tmp_path / "x.pdf").write_bytes(content)
    code, said = verify(world, tmp_path, str(tmp_path / "x.pdf"))
    assert code == 1 and "発行されていません" in said


def test_a_badge_whose_data_is_lost_could_not_be_checked_however_it_is_asked_for(
    world: VerifierWorld, tmp_path: Path
) -> None:
    """By its page, its printed certificate, and the command: nobody says that it was never issued."""
    [badge] = world.anchor(world.issue(1))
    world.note(VerifierTransaction.note_issued, issued(1))
    del world.shelf.kept[f"credentials/{id_of(badge)}.json"]
    certificate = printed(f"{world.url}/V/{id_of(badge)}")
    (tmp_path / "x.pdf").write_bytes(certificate)
    by_file = ask.post(f"{world.url}/api/v1/verify", content=certificate).json()
    assert (by_id(world, badge)["verdict"], by_file["verdict"]) == ("could-not-check", "could-not-check")
    for source in (str(tmp_path / "x.pdf"), f"{world.url}/V/{id_of(badge)}", badge["id"]):
        code, said = verify(world, tmp_path, source)
        assert code == 2 and "今は確認できません" in said and "発行されていません" not in said


def test_a_forged_file_gets_nothing_of_the_badge_whose_id_it_has(world: VerifierWorld) -> None:
    [badge] = world.anchor(world.issue(1))
    world.note(VerifierTransaction.note_issued, issued(1), issued(2, replaces=id_of(badge)))
    forged = json.dumps({**badge, "name": "偽"})
    answer = ask.post(f"{world.url}/api/v1/verify", content=forged).json()
    assert answer["verdict"] == "not-valid"
    assert answer["facts"] is answer["renewed_as"] is answer["revocation"] is None


def test_the_page_hides_a_number_that_its_holder_hides(world: VerifierWorld) -> None:
    [badge] = world.anchor(world.issue())

    def visible(public: bool, revision: int) -> None:
        event = BadgeVisibilityChanged(assertion_id=id_of(badge), details_public=public, revision=revision)
        world.note(VerifierTransaction.note_visibility, event)

    visible(False, 2)
    visible(True, 1)  # comes late
    assert "26-00001" not in page(world, badge)
    answer = ask.get(f"{world.url}/api/v1/verify", params={"id": id_of(badge)})
    assert "26-00001" not in answer.text
    visible(True, 3)
    assert "26-00001" in page(world, badge)


def test_until_its_holder_decides_the_programme_says_whether_the_numbers_are_public(world: VerifierWorld) -> None:
    [badge] = world.anchor(world.issue())
    world.note(VerifierTransaction.note_issued, issued(1))

    def shows(default: bool) -> bool:
        ports = replace(world.ports, page=PublicPage(shows_numbers=default))
        withheld = isinstance(publication.credential(id_of(badge), ports), Withheld)
        assert verification.show(id_of(badge), ports).record.details_public is not withheld
        return not withheld

    assert (shows(True), shows(False)) == (True, False)
    chosen = BadgeVisibilityChanged(assertion_id=id_of(badge), details_public=True, revision=1)
    world.note(VerifierTransaction.note_visibility, chosen)
    assert (shows(True), shows(False)) == (True, True)


def test_a_forged_file_gets_no_facts_on_the_page(world: VerifierWorld) -> None:
    [badge] = world.anchor(world.issue())
    badge["credentialSubject"]["identifier"][1]["identityHash"] = "偽造 太郎"
    world.put(badge)
    assert kind(world, badge) == "not-valid"
    text = page(world, badge)
    assert "この証明書は使えません" in text and "偽造" not in text


def test_published_documents_are_where_their_ids_say(world: VerifierWorld) -> None:
    [badge] = world.anchor(world.issue())
    for url in (
        badge["id"],
        badge["credentialStatus"]["statusListCredential"],
        badge["credentialSubject"]["achievement"]["id"],
        badge["credentialSubject"]["achievement"]["image"]["id"],
        f"{world.url}/.well-known/did.json",
        f"{world.url}/issuer.json",
        f"{world.url}/badges/gishi/2026.svg",
    ):
        answer = ask.get(url)
        assert answer.status_code == 200
        assert answer.headers["access-control-allow-origin"] == "*"
    for path in (f"/credentials/{UNKNOWN}.json", "/status/9.json", "/badges/gishi/1999.png", "/badges/gishi/2026.exe"):
        assert ask.get(world.url + path).status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "/.well-known/did.json",
        "/issuer.json",
        "/ob2/issuer.json",
        "/issuer/image.png",
        "/status/1.json",
        "/status/999.json",
        "/badges/gishi/2026.json",
        "/badges/gishi/1999.png",
        f"/credentials/{UNKNOWN}.json",
        f"/assertions/{UNKNOWN}.json",
        "/api/v1/verify",
        "/api/v1/openapi.json",
        "/revocations",
        "/nowhere",
        "/",
    ],
)
def test_scripts_of_every_site_may_read_whatever_is_answered(world: VerifierWorld, path: str) -> None:
    for method in ("GET", "HEAD", "POST", "PUT", "DELETE"):
        for headers in ({}, {"origin": "https://other.example"}, {"origin": "null", "cookie": "lang=en"}):
            answer = ask.request(method, world.url + path, headers=headers, content=b"{}")
            assert answer.headers["access-control-allow-origin"] == "*", (method, answer.status_code)
            assert "access-control-allow-credentials" not in answer.headers
    preflight = ask.options(
        world.url + path,
        headers={
            "origin": "https://other.example",
            "access-control-request-method": "POST",
            "access-control-request-headers": "content-type, x-request-id",
        },
    )
    assert preflight.status_code == 204 and preflight.headers["access-control-allow-origin"] == "*"
    assert preflight.headers["access-control-allow-headers"] == "content-type, x-request-id"
    assert {"GET", "HEAD", "POST"} <= set(preflight.headers["access-control-allow-methods"].split(", "))


def test_a_script_of_another_site_may_have_a_file_checked_but_may_not_use_the_form(world: VerifierWorld) -> None:
    [badge] = world.anchor(world.issue())
    other = {"origin": "https://other.example", "sec-fetch-site": "cross-site"}
    answer = ask.post(f"{world.url}/api/v1/verify", content=json.dumps(badge), headers=other)
    assert answer.json()["verdict"] == "valid"
    large = ask.post(f"{world.url}/api/v1/verify", content=b"x" * 2_000_000, headers=other)
    assert large.status_code == 413 and large.headers["access-control-allow-origin"] == "*"
    form = ask.post(f"{world.url}/verify", files={"file": b"x"}, headers=other)
    assert form.status_code == 403 and form.headers["access-control-allow-origin"] == "*"


def test_a_fault_of_ours_may_be_read_by_scripts_too(world: VerifierWorld) -> None:
    object.__setattr__(world.ports, "now", lambda: 1 / 0)
    answer = ask.post(f"{world.url}/api/v1/verify", content=b"{}")
    assert answer.status_code == 500 and answer.headers["access-control-allow-origin"] == "*"


# ── akashi verify ───────────────────────────────────────────────────────────────────────────────────────


def test_the_command_says_the_same_as_the_page(world: VerifierWorld, tmp_path: Path) -> None:
    [badge] = world.anchor(world.issue())
    file = tmp_path / "badge.json"
    file.write_text(json.dumps(badge, ensure_ascii=False), encoding="utf-8")
    code, text = verify(world, tmp_path, str(file))
    assert code == 0 and "有効な証明書です" in text and "髙橋 一郎" in text and "✓ 7." in text
    for url in (badge["id"], f"{world.url}/V/{id_of(badge)}", f"{world.url}/V/{id_of(badge)}".upper()):
        code, text = verify(world, tmp_path, url, "--json")
        answer = json.loads(text)
        assert code == 0 and answer["verdict"] == "valid" and len(answer["checks"]) == 7
    assert verify(world, tmp_path, str(file), "--rpc-url", "http://127.0.0.1:9")[0] == 2
    assert verify(world, tmp_path, str(file), "--issuer-url", "https://other.example.jp")[0] == 1
    code, text = verify(world, tmp_path, f"{world.url}/V/{UNKNOWN}")
    assert code == 1 and "この番号の証明書は、発行されていません。" in text and "No certificate was issued" in text
    code, text = verify(world, tmp_path, f"{world.url}/V/{UNKNOWN}", "--json")
    assert code == 1 and json.loads(text)["verdict"] == "not-found"
    file.write_text(json.dumps({**badge, "name": "偽"}), encoding="utf-8")
    assert verify(world, tmp_path, str(file))[0] == 1
    file.write_bytes(b"\x89PNG")
    assert verify(world, tmp_path, str(file))[0] == 1


def test_the_command_reads_a_picture_and_says_the_same_of_it(world: VerifierWorld, tmp_path: Path) -> None:
    old, corrected = world.anchor(world.issue(1), world.issue(1, version=2, corrects=assertion(1).assertion_id))
    for form in ("png", "svg"):
        url = f"{world.url}/credentials/{id_of(old)}.{form}"
        file = tmp_path / f"badge.{form}"
        file.write_bytes(ask.get(url).content)
        for source in (str(file), url):
            code, text = verify(world, tmp_path, source)
            assert code == 0 and "有効な証明書です" in text and "髙橋 一郎" in text
    world.note(VerifierTransaction.note_issued, issued(1), issued(1, version=2), issued(2, replaces=id_of(corrected)))
    world.note(VerifierTransaction.note_revoked, revoked(old, corrected))
    code, text = verify(world, tmp_path, str(tmp_path / "badge.png"))
    assert code == 1 and "訂正され、新しい証明書に替わりました" in text and "訂正：氏名" in text
    code, text = verify(world, tmp_path, str(tmp_path / "badge.svg"), "--json")
    assert code == 1 and json.loads(text)["replaced_by"] == f"{world.url}/V/{id_of(corrected)}"
    code, text = verify(world, tmp_path, corrected["id"], "--json")
    assert code == 0 and json.loads(text)["renewed_as"] == f"{world.url}/V/{assertion(2).assertion_id}"
    file.write_bytes(file.read_bytes()[:-100])
    assert verify(world, tmp_path, str(file))[0] == 1


def test_a_picture_whose_halves_differ_is_not_what_was_issued(world: VerifierWorld, tmp_path: Path) -> None:
    [badge] = world.anchor(world.issue(1, replaces="B" * 26))
    png, svg = (ask.get(f"{world.url}/credentials/{id_of(badge)}.{form}").content for form in ("png", "svg"))
    half = unbake_png(png).assertion
    assert half is not None
    for at, to in (
        (b"26-00001", b"26-99999"),
        (b"2030-", b"2099-"),
        (b'"hashed":true', b'"hashed":false'),
        (b"/V/", b"/W/"),
    ):
        changed = half.replace(at, to)
        assert changed != half
        pictures = (
            bake_png(png, credential=json.dumps(badge).encode(), assertion=changed),
            bake_svg(svg, credential=json.dumps(badge).encode(), assertion=changed),
        )
        for content in pictures:
            answer = ask.post(f"{world.url}/api/v1/verify", content=content).json()
            assert answer["verdict"] == "not-valid" and answer["facts"] is None
            assert [check["outcome"] for check in answer["checks"]] == ["failed", *["ok"] * 6]
            page = ask.post(f"{world.url}/verify?lang=ja", files={"file": ("x", content)}).text
            assert "が発行したとおりのものではありません" in page.replace("<wbr>", "") and "髙橋" not in page
        file = tmp_path / "badge.png"
        file.write_bytes(pictures[0])
        assert verify(world, tmp_path, str(file))[0] == 1


def test_a_badge_saved_with_a_byte_order_mark_or_a_document_type_is_valid(world: VerifierWorld, tmp_path: Path) -> None:
    [badge] = world.anchor(world.issue())
    text = json.dumps(badge, ensure_ascii=False)
    svg = ask.get(f"{world.url}/credentials/{id_of(badge)}.svg").content
    drawn = b'<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd">' + svg
    for content in (text.encode("utf-8-sig"), text.encode("utf-16"), svg.decode().encode("utf-16"), drawn):
        assert ask.post(f"{world.url}/api/v1/verify", content=content).json()["verdict"] == "valid"
        page = ask.post(f"{world.url}/verify?lang=ja", files={"file": ("x", content)}).text
        assert "有効な証明書です" in page.replace("<wbr>", "")
        file = tmp_path / "badge"
        file.write_bytes(content)
        assert verify(world, tmp_path, str(file))[0] == 0
    for key in ("issuer/did.json", "status/1.json"):  # an office may have put its own copy there
        world.shelf.kept[key] = b"\xef\xbb\xbf" + world.shelf.kept[key]
    assert kind(world, badge) == "valid"


def test_the_command_says_what_to_do_when_details_are_hidden(world: VerifierWorld, tmp_path: Path) -> None:
    [badge] = world.anchor(world.issue())
    hidden = BadgeVisibilityChanged(assertion_id=id_of(badge), details_public=False, revision=1)
    world.note(VerifierTransaction.note_visibility, hidden)
    code, text = verify(world, tmp_path, f"{world.url}/V/{id_of(badge)}")
    assert code == 2 and "Ask the holder for the file" in " ".join(text.split())
    file = tmp_path / "badge.json"
    file.write_text(json.dumps(badge, ensure_ascii=False), encoding="utf-8")
    assert verify(world, tmp_path, str(file))[0] == 0


def test_a_correction_keeps_hidden_what_its_holder_had_hidden(world: VerifierWorld) -> None:
    old, corrected = world.anchor(world.issue(1), world.issue(1, version=2, corrects=assertion(1).assertion_id))
    hidden = BadgeVisibilityChanged(assertion_id=id_of(old), details_public=False, revision=1)
    world.note(VerifierTransaction.note_visibility, hidden)
    world.note(VerifierTransaction.note_issued, issued(1), issued(1, version=2))
    assert ask.get(f"{world.url}/credentials/{id_of(corrected)}.json").status_code == 403
    shown = BadgeVisibilityChanged(assertion_id=id_of(corrected), details_public=True, revision=1)
    world.note(VerifierTransaction.note_visibility, shown)
    assert ask.get(f"{world.url}/credentials/{id_of(corrected)}.json").status_code == 200
