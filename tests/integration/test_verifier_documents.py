"""What the public site gives out: Open Badges 2.0, baked badges, editions, and what it withholds; on real servers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from io import BytesIO
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from PIL import Image, ImageColor

from deploy.local.loopback import ask
from deploy.local.ports import free_port
from services.verifier.store import VerifierTransaction
from shared.credentials.baking import unbake_png, unbake_svg
from shared.events import AssertionRevoked, BadgeVisibilityChanged
from tests.worlds.anvil import Anvil, anvil
from tests.worlds.postgres import Databases
from tests.worlds.verifier import AT, VerifierWorld, verifier_world

UNKNOWN = "A" * 26
Document = dict[str, Any]


@pytest.fixture(scope="module")
def chain() -> Iterator[Anvil]:
    with anvil() as made:
        yield made


@pytest.fixture
def world(databases: Databases, chain: Anvil) -> Iterator[VerifierWorld]:
    port = free_port()
    with verifier_world(chain, databases.fresh(), port) as made:
        yield made


def id_of(document: Document) -> str:
    return str(document["id"]).rpartition("/")[2].removesuffix(".json")


def get(world: VerifierWorld, path: str, **headers: str) -> httpx.Response:
    url = path if path.startswith("http") else world.url + path
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return ask.get(url, headers=named)


def hide(world: VerifierWorld, document: Document, hidden: bool = True, revision: int = 1) -> None:
    event = BadgeVisibilityChanged(assertion_id=id_of(document), details_public=not hidden, revision=revision)
    world.note(VerifierTransaction.note_visibility, event)


def revoke(world: VerifierWorld, document: Document, reason: str = "本人の申し出") -> None:
    event = AssertionRevoked(assertion_id=id_of(document), reason=reason, revoked_at=AT)
    world.note(VerifierTransaction.note_revoked, event)


def test_hosted_documents_lead_from_the_assertion_to_the_issuer(world: VerifierWorld) -> None:
    [badge] = world.anchor(world.issue(edition="2026-2"))
    url = f"{world.url}/assertions/{id_of(badge)}.json"
    for kind, next_link in (("Assertion", "badge"), ("BadgeClass", "issuer"), ("Issuer", "id")):
        answer = get(world, url)
        assert answer.status_code == 200, url
        assert answer.headers["content-type"] == "application/ld+json"
        assert answer.headers["access-control-allow-origin"] == "*"
        document = answer.json()
        assert (document["type"], document["id"]) == (kind, url)
        picture = get(world, document["image"])
        assert picture.headers["content-type"] == "image/png"
        Image.open(BytesIO(picture.content)).load()
        url = document[next_link]
    plain = get(world, f"/assertions/{id_of(badge)}.json", accept="application/json")
    assert plain.headers["content-type"] == "application/json"


def test_a_revoked_badge_is_gone_and_says_revoked(world: VerifierWorld) -> None:
    told, listed = world.anchor(world.issue(1), world.issue(4))
    revoke(world, told)  # the list does not say so yet
    answer = get(world, f"/assertions/{id_of(told)}.json")
    assert answer.status_code == 410
    assert answer.json()["revoked"] is True and answer.json()["revocationReason"] == "本人の申し出"
    assert answer.json()["id"] == f"{world.url}/assertions/{id_of(told)}.json"
    world.revoke(int(listed["credentialStatus"]["statusListIndex"]))  # no event has said so yet
    assert get(world, f"/assertions/{id_of(listed)}.json").status_code == 410
    for document in (told, listed):
        for form in ("png", "svg"):
            gone = get(world, f"/credentials/{id_of(document)}.{form}")
            assert (gone.status_code, gone.json()["detail"]) == (410, "revoked")
        assert get(world, f"/credentials/{id_of(document)}.json").json() == document


def test_without_a_status_list_nothing_says_not_revoked(world: VerifierWorld) -> None:
    [badge] = world.anchor(world.issue())
    world.moment = AT + timedelta(days=30)  # the list is out of date
    for path in (f"/assertions/{id_of(badge)}.json", f"/credentials/{id_of(badge)}.png"):
        answer = get(world, path)
        assert answer.status_code == 503 and "retry-after" in answer.headers
    world.shelf.away = True
    assert get(world, f"/assertions/{id_of(badge)}.json").status_code == 503


def test_a_baked_badge_holds_both_standards_and_its_art(world: VerifierWorld) -> None:
    [badge] = world.anchor(world.issue(edition="2026-2"))
    stored = world.shelf.kept[f"credentials/{id_of(badge)}.json"]
    hosted = get(world, f"/assertions/{id_of(badge)}.json").json()
    for form, kind, read in (("png", "image/png", unbake_png), ("svg", "image/svg+xml", unbake_svg)):
        art = f"badges/shunin-gishi/2026-2.{form}"
        answer = get(world, f"/credentials/{id_of(badge)}.{form}")
        assert (answer.status_code, answer.headers["content-type"]) == (200, kind)
        found = read(answer.content)
        assert found.credential == stored
        assert found.assertion is not None and json.loads(found.assertion) == hosted
        assert read(world.shelf.kept[art]).credential is None
        verdict = ask.post(f"{world.url}/api/v1/verify", content=answer.content).json()
        assert verdict["verdict"] == "valid" and verdict["facts"]["name"] == "髙橋 一郎"
        if form == "png":
            with Image.open(BytesIO(answer.content)) as baked, Image.open(BytesIO(world.shelf.kept[art])) as drawn:
                assert baked.tobytes() == drawn.tobytes() and baked.getpalette() == drawn.getpalette()
    del world.shelf.kept["badges/shunin-gishi/2026-2.svg"]
    assert get(world, f"/credentials/{id_of(badge)}.svg").status_code == 404


def test_a_picture_is_withheld_before_the_badge_is_anchored(world: VerifierWorld) -> None:
    badge = world.issue()
    answer = get(world, f"/credentials/{id_of(badge)}.png")
    assert (answer.status_code, answer.json()["detail"]) == (409, "in-progress")
    assert get(world, f"/credentials/{id_of(badge)}.json").status_code == 200


def test_hidden_details_are_withheld(world: VerifierWorld) -> None:
    [badge] = world.anchor(world.issue())
    hide(world, badge)
    for form in ("json", "png", "svg"):
        answer = get(world, f"/credentials/{id_of(badge)}.{form}")
        assert answer.status_code == 403
        problem = answer.json()
        assert (problem["error"], problem["detail"]) == (403, "details-hidden")
        assert "ご本人" in problem["text"]["ja"] and "holder" in problem["text"]["en"]
    hosted = get(world, f"/assertions/{id_of(badge)}.json")
    assert hosted.status_code == 200 and "26-00001" not in hosted.text and "P25-0001" not in hosted.text
    page = get(world, f"/V/{id_of(badge)}?lang=ja").text
    assert "26-00001" not in page and 'href="/credentials/' not in page
    revoke(world, badge)  # is said whatever the holder hides
    assert get(world, f"/credentials/{id_of(badge)}.png").status_code == 410
    assert get(world, f"/assertions/{id_of(badge)}.json").status_code == 410
    hide(world, badge, hidden=False, revision=2)
    assert get(world, f"/credentials/{id_of(badge)}.json").status_code == 200


def test_the_page_shows_the_art_of_its_edition(world: VerifierWorld) -> None:
    [badge] = world.anchor(world.issue(edition="2026-2"))
    assert 'src="/badges/shunin-gishi/2026-2.png"' in get(world, f"/V/{id_of(badge)}").text
    for path in ("/badges/shunin-gishi/2026-2.json", "/badges/shunin-gishi/2026-2.svg", "/issuer/image.png"):
        assert get(world, path).status_code == 200
    missing = ("2026-3.png", "2026-2.exe", "20262.png", "2026-.png", "2026-2.ico", "..%2F2026.png")
    for path in missing:
        assert get(world, f"/badges/shunin-gishi/{path}").status_code == 404, path
    for path in (
        "/ob2/badges/shunin-gishi/2027.json",
        "/ob2/badges/..%2Fissuer/2026.json",
        f"/assertions/{UNKNOWN}.json",
    ):
        assert get(world, path).status_code == 404, path


def test_an_unchanged_document_is_answered_304(world: VerifierWorld) -> None:
    [badge] = world.anchor(world.issue())
    for path in (
        "/.well-known/did.json",
        "/issuer.json",
        "/issuer/image.png",
        "/ob2/issuer.json",
        "/ob2/badges/gishi/2026.json",
        "/badges/gishi/2026.png",
        "/status/1.json",
        f"/credentials/{id_of(badge)}.json",
        f"/credentials/{id_of(badge)}.png",
        f"/credentials/{id_of(badge)}.svg",
        f"/assertions/{id_of(badge)}.json",
    ):
        whole = get(world, path)
        assert whole.status_code == 200, path
        again = get(world, path, if_none_match=f'"other", {whole.headers["etag"]}')
        assert (again.status_code, again.content) == (304, b"")
        head = ask.head(world.url + path)
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["etag"] == whole.headers["etag"]
        assert head.headers["content-type"] == whole.headers["content-type"]
    # What revocation or the holder's choice may change is asked for each time; and then it changes.
    tag = get(world, f"/assertions/{id_of(badge)}.json").headers["etag"]
    assert get(world, f"/credentials/{id_of(badge)}.png").headers["cache-control"] == "no-cache"
    revoke(world, badge)
    assert get(world, f"/assertions/{id_of(badge)}.json", if_none_match=tag).status_code == 410
    gone = ask.head(f"{world.url}/assertions/{id_of(badge)}.json")
    assert (gone.status_code, gone.content) == (410, b"")


def test_a_picture_is_a_download_when_asked_for_one(world: VerifierWorld) -> None:
    [badge] = world.anchor(world.issue())
    for form in ("png", "svg", "json"):
        path = f"/credentials/{id_of(badge)}.{form}"
        assert "content-disposition" not in get(world, path).headers
        name = quote(f"コンクリート主任技士_2026.{form}", safe="")
        expected = f"attachment; filename=\"{id_of(badge)}.{form}\"; filename*=UTF-8''{name}"
        assert get(world, f"{path}?download").headers["content-disposition"] == expected


@pytest.mark.parametrize(
    ("qualification", "edition"), [("gishi", "2026"), ("shunin-gishi", "2026"), ("shunin-gishi", "2026-2")]
)
def test_each_badge_class_has_a_picture_for_social_networks(
    world: VerifierWorld, qualification: str, edition: str
) -> None:
    answer = get(world, f"/preview/{qualification}/{edition}.png")
    with Image.open(BytesIO(answer.content)) as drawn:
        assert (drawn.format, drawn.size) == ("PNG", (1200, 630))
        corner = drawn.convert("RGB").getpixel((5, 5))
    assert corner == ImageColor.getrgb(world.issuer.programme.qualifications[qualification].colour)
    assert len(answer.content) < 200_000
    for absent in ("astronaut/2026", "gishi/1999", "gishi/..%2f2026"):
        assert get(world, f"/preview/{absent}.png").status_code == 404
