"""Badges of a person who was erased: what the public site says of them, and that all others stay verifiable."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import permutations
from pathlib import Path
from typing import Any, cast

import pytest

from deploy.local.loopback import ask
from deploy.local.ports import free_port
from services.issuer.domain.issuance import Assertion, issued
from services.verifier.store import VerifierTransaction
from shared import object_keys
from shared.credentials.baking import bake_png, bake_svg
from shared.credentials.credential import leaf_of
from shared.erasure_events import AssertionsErased
from shared.events import AssertionAnchored, AssertionRevoked, BadgeReceived, BadgeVisibilityChanged
from shared.topics import ASSERTION_ISSUED
from tests.worlds.anvil import CHAIN_ID, Anvil, anvil
from tests.worlds.browser_check import Answer, Case, ask_browser_check
from tests.worlds.count_site import show
from tests.worlds.counts import Counted, CountWorld
from tests.worlds.credentials import assertion
from tests.worlds.outside_verifier import ask_outside_verifier
from tests.worlds.pdfs import printed
from tests.worlds.postgres import Databases
from tests.worlds.tables import rows_at
from tests.worlds.verifier import AT, VerifierWorld, verifier_world, verify

Document = dict[str, Any]
ERASED_AT = datetime(2026, 7, 1, 3, tzinfo=UTC)
SAID = {
    "ja": ("取り消された証明書です", "登録が取り下げられ、発行者の記録は消去されました（2026年7月1日）。"),
    "en": ("This certificate was revoked", "record of it was erased (1 July 2026)."),
}
PERSONAL = ("髙橋", "一郎", "26-0000", "主任技士", "shunin-gishi", "Chief Concrete", "2030", "本人の申し出")
"""Of the person and the registration of `VerifierWorld.issue`, and the reason of the revocation."""
PERMUTATIONS = tuple(permutations(("issued", "taken", "revoked", "erased")))


@pytest.fixture(scope="module")
def chain() -> Iterator[Anvil]:
    with anvil() as made:
        yield made


@pytest.fixture(scope="module")
def database(databases: Databases) -> str:
    return databases.fresh()


@pytest.fixture(scope="module")
def world(database: str, chain: Anvil) -> Iterator[VerifierWorld]:
    port = free_port()
    with verifier_world(chain, database, port) as made:
        yield made


@pytest.fixture(autouse=True)
def calm(world: VerifierWorld) -> Iterator[None]:
    yield
    world.shelf.away, world.moment = False, AT
    world.revoke()


def id_of(document: Document) -> str:
    return str(document["id"]).rpartition("/")[2].removesuffix(".json")


def index_of(document: Document) -> int:
    return int(document["credentialStatus"]["statusListIndex"])


def erased(*documents: Document, at: datetime = ERASED_AT) -> AssertionsErased:
    return AssertionsErased(
        decision_id=f"erase-{id_of(documents[0])}-{at:%d}",
        subject="R1",
        registration_ids=("R1",),
        assertion_ids=tuple(map(id_of, documents)),
        erased_at=at,
    )


def revoked(document: Document, *, by_erasure: bool = True, at: datetime = ERASED_AT) -> AssertionRevoked:
    return AssertionRevoked(assertion_id=id_of(document), reason="本人の申し出", revoked_at=at, erased=by_erasure)


def erase(world: VerifierWorld, *documents: Document) -> None:
    """What the issuer does: it revokes, publishes the list, deletes the credentials, announces."""
    world.note(VerifierTransaction.note_revoked, *(revoked(each) for each in documents))
    world.revoke(*map(index_of, documents))
    for each in documents:
        world.shelf.kept.pop(object_keys.credential(id_of(each)))
    world.note(VerifierTransaction.note_erased, erased(*documents))


def page(world: VerifierWorld, assertion_id: str, language: str = "ja") -> str:
    answer = ask.get(f"{world.url}/V/{assertion_id}?lang={language}")
    assert answer.status_code == 200 and len(gzip.compress(answer.content)) < 10_000
    return answer.text.replace("<wbr>", "")


def by_id(world: VerifierWorld, assertion_id: str) -> Document:
    return cast(Document, ask.get(f"{world.url}/api/v1/verify", params={"id": assertion_id}).raise_for_status().json())


def handed_in(world: VerifierWorld, content: bytes) -> Document:
    return cast(Document, ask.post(f"{world.url}/api/v1/verify", content=content).raise_for_status().json())


def in_browser(world: VerifierWorld, *contents: bytes, away: tuple[str, ...] = ()) -> list[Answer]:
    found = re.search(r'id="config">(.*?)</script>', ask.get(f"{world.url}/check").text, re.DOTALL)
    assert found is not None
    cases = [Case(content, world.moment, world.chain.url, away=away) for content in contents]
    return ask_browser_check(json.loads(found[1])["issuer"], *cases)


def says_erased(world: VerifierWorld, assertion_id: str) -> None:
    """Page and API: revoked, with the day, and nothing of the person, in text, picture, link or preview."""
    for language, said in SAID.items():
        text = page(world, assertion_id, language)
        assert all(each in text for each in said) and 'class="verdict verdict--no"' in text
        assert not [each for each in PERSONAL if each in text.partition("<footer")[0]]
        assert "<img" not in text and "og:image" not in text and f"/credentials/{assertion_id}" not in text
        assert f'<meta property="og:title" content="{said[0]}">' in text and said[1] in text.partition("<main")[0]
    answer = by_id(world, assertion_id)
    assert (answer["verdict"], answer["erased_at"]) == ("revoked", "2026-07-01T12:00:00+09:00")
    assert answer["revocation"] == {"revoked_at": "2026-07-01T12:00:00+09:00", "reason": ""}
    assert answer["facts"] is answer["renews"] is answer["renewed_as"] is answer["replaced_by"] is None
    assert [(check["number"], check["outcome"]) for check in answer["checks"]] == [(5, "failed")]
    assert not [each for each in PERSONAL if each in json.dumps(answer, ensure_ascii=False)]


@pytest.mark.parametrize("by_erasure", [True, False])
def test_in_any_order_of_events_only_the_two_moments_stay(
    world: VerifierWorld, database: str, by_erasure: bool
) -> None:
    """Each event twice. `by_erasure`: it counted until it was erased; otherwise it was revoked long before."""
    for place, order in enumerate(PERMUTATIONS):
        made = assertion(1000 + place + 100 * by_erasure, replaces="B" * 26)
        for event in (*order, *order):
            with world.ports.store.transaction() as tx:
                _note(tx, event, made, by_erasure)
        query = "select to_jsonb(each) from assertions as each where assertion_id = %s"
        [(row,)] = rows_at(database, query, made.assertion_id)
        kept = {name: value for name, value in row.items() if value is not None}
        assert kept.keys() == {"assertion_id", "revoked_at", "erased_at"}, order
        moments = [datetime.fromisoformat(kept[name]) for name in ("revoked_at", "erased_at")]
        assert moments == [ERASED_AT if by_erasure else AT, ERASED_AT], order


def _note(tx: VerifierTransaction, event: str, made: Assertion, by_erasure: bool) -> None:
    id = made.assertion_id
    badge = {"id": f"https://badges.example.jp/credentials/{id}.json"}
    match event:
        case "issued":
            tx.note_issued([issued(made, "0" * 64)])
        case "taken":
            tx.note_received([BadgeReceived(assertion_id=id, received_at=AT)])
            tx.note_visibility([BadgeVisibilityChanged(assertion_id=id, details_public=True, revision=1)])
            tx.note_anchored([_anchored(id)])
        case "revoked":
            tx.note_revoked([revoked(badge, by_erasure=by_erasure, at=ERASED_AT if by_erasure else AT)])
        case "erased":
            later = erased(badge, at=ERASED_AT + timedelta(days=1))
            tx.note_erased([later, erased(badge)])


def test_a_message_about_an_erased_badge_that_could_not_be_read_or_sent_is_gone(
    world: VerifierWorld, database: str
) -> None:
    gone, other = ({"id": f"{world.url}/credentials/{assertion(number).assertion_id}.json"} for number in (2000, 2001))
    with world.ports.store.transaction() as tx:
        for number, badge in enumerate((gone, other)):
            value = f'{{"assertion_id":"{id_of(badge)}","holder":{{"family_name":"髙橋"}}}}'.encode()
            aside = {"cause": "", "value": value}
            place = {"topic": ASSERTION_ISSUED.name, "partition": 0, "offset": number, "noticed_at": AT}
            tx.insert_rows("unread", [{**place, **aside}])
            tx.insert_rows("refused", [{"id": number, "topic": ASSERTION_ISSUED.dead.name, "refused_at": AT, **aside}])
    world.note(VerifierTransaction.note_erased, erased(gone))
    for table in ("unread", "refused"):
        [(value,)] = rows_at(database, f"select value from {table}")
        assert id_of(other).encode() in bytes(value)


def _anchored(assertion_id: str) -> AssertionAnchored:
    return AssertionAnchored(
        assertion_id=assertion_id,
        leaf="0" * 64,
        merkle_root="0" * 64,
        path=(),
        network="local",
        chain_id=CHAIN_ID,
        contract="0x" + "0" * 40,
        transaction="0x" + "0" * 64,
        block_number=1,
        block_hash="0x" + "0" * 64,
        anchored_at=AT,
    )


def test_an_erased_badge_reads_as_revoked_from_the_first_word_of_it_on(world: VerifierWorld) -> None:
    first, second = world.anchor(world.issue(1), world.issue(4))
    for each, number in ((first, 1), (second, 4)):
        world.note(VerifierTransaction.note_issued, issued(assertion(number), "0" * 64))
        assert by_id(world, id_of(each))["verdict"] == "valid" and "髙橋 一郎" in page(world, id_of(each))
    world.note(VerifierTransaction.note_revoked, revoked(first))  # its credential is in storage still
    world.note(VerifierTransaction.note_erased, erased(second))  # the revocation was not read yet
    for each in (first, second):
        says_erased(world, id_of(each))
        assert world.shelf.kept.pop(object_keys.credential(id_of(each)))
        says_erased(world, id_of(each))
    world.shelf.away = True
    says_erased(world, id_of(first))


def test_nothing_of_an_erased_badge_is_given_out(world: VerifierWorld) -> None:
    [badge] = world.anchor(world.issue(7))
    files = [f"{world.url}/credentials/{id_of(badge)}.{form}" for form in ("json", "png", "svg")]
    hosted = f"{world.url}/assertions/{id_of(badge)}.json"
    assert [ask.get(url).status_code for url in (*files, hosted)] == [200] * 4
    world.note(VerifierTransaction.note_erased, erased(badge))
    for _ in ("in storage still", "deleted"):
        for url in (*files, f"{files[0]}?download"):
            answer = ask.get(url)
            assert (answer.status_code, answer.json()["detail"]) == (410, "erased")
            assert answer.headers["cache-control"] == "no-cache"
        answer = ask.get(hosted)
        assert (answer.status_code, answer.json()["revoked"]) == (410, True)
        assert answer.json().keys() == {"@context", "type", "id", "revoked"}
        world.shelf.kept.pop(object_keys.credential(id_of(badge)), None)


def test_what_its_holder_kept_reads_as_revoked_and_erased(world: VerifierWorld, tmp_path: Path) -> None:
    """The credential, its pictures, and the printed certificate: by upload, at a terminal and in the browser."""
    [badge] = world.anchor(world.issue(10))
    body = world.shelf.kept[object_keys.credential(id_of(badge))]
    hosted = ask.get(f"{world.url}/assertions/{id_of(badge)}.json").content
    drawn = {form: ask.get(f"{world.url}/badges/shunin-gishi/2026.{form}").content for form in ("png", "svg")}
    files = {
        "json": body,
        "png": bake_png(drawn["png"], credential=body, assertion=hosted),
        "svg": bake_svg(drawn["svg"], credential=body, assertion=hosted),
    }
    certificate = printed(f"{world.url}/V/{id_of(badge)}")
    assert {handed_in(world, each)["verdict"] for each in (*files.values(), certificate)} == {"valid"}
    erase(world, badge)

    for kind, content in files.items():
        answer = handed_in(world, content)
        assert (answer["verdict"], answer["facts"]["name"]) == ("revoked", "髙橋 一郎")  # it is in the file in hand
        assert SAID["ja"][1] in answer["sentence"]["ja"] and SAID["en"][1] in answer["sentence"]["en"]
        text = ask.post(f"{world.url}/verify?lang=ja", files={"file": (f"a.{kind}", content)}).text
        assert SAID["ja"][1] in text and f'href="/credentials/{id_of(badge)}' not in text and "理由" not in text
        (tmp_path / f"a.{kind}").write_bytes(content)
        code, said = verify(world, tmp_path, str(tmp_path / f"a.{kind}"))
        assert code == 1 and SAID["ja"][1] in said.replace("\n", "")
    for seen in in_browser(world, files["json"], files["png"]):  # an SVG is read by a browser only
        assert (seen["kind"], seen["genuine"]) == ("revoked", True)
        assert SAID["ja"][1] in seen["sentence"]["ja"] and SAID["en"][1] in seen["sentence"]["en"]

    answer = handed_in(world, certificate)
    assert (answer["verdict"], answer["printed"], answer["facts"]) == ("revoked", True, None)
    text = ask.post(f"{world.url}/verify?lang=ja", files={"file": ("a.pdf", certificate)}).text.replace("<wbr>", "")
    assert "このPDFのQRコードが示す登録の状態" in text and SAID["ja"][1] in text and "見比べて" not in text
    (tmp_path / "a.pdf").write_bytes(certificate)
    for source in (str(tmp_path / "a.pdf"), f"{world.url}/V/{id_of(badge)}", id_of(badge), str(badge["id"])):
        code, said = verify(world, tmp_path, source, "--json")
        answer = json.loads(said)
        assert (code, answer["verdict"], answer["facts"]) == (1, "revoked", None)
        assert answer["erased_at"] == "2026-07-01T12:00:00+09:00"
    code, said = verify(world, tmp_path, f"{world.url}/V/{id_of(badge)}")
    assert code == 1 and SAID["ja"][0] in said and SAID["ja"][1] in said.replace("\n", "") and "髙橋" not in said


def test_while_the_site_is_away_a_kept_file_could_not_be_checked(world: VerifierWorld) -> None:
    """Nobody says "not revoked". With the list alone it is revoked, for all who have the record."""
    [badge] = world.anchor(world.issue(13))
    content = world.shelf.kept[object_keys.credential(id_of(badge))]
    erase(world, badge)
    [offline] = in_browser(world, content, away=(f"{world.url}/.well-known", f"{world.url}/status", f"{world.url}/api"))
    [by_list] = in_browser(world, content, away=(f"{world.url}/api",))
    assert (offline["kind"], by_list["kind"]) == ("could-not-check", "revoked")
    world.shelf.away = True
    assert handed_in(world, content)["verdict"] == "could-not-check"


def test_a_forged_file_with_the_id_of_an_erased_badge_is_not_valid(world: VerifierWorld) -> None:
    [badge] = world.anchor(world.issue(16))
    erase(world, badge)
    answer = handed_in(world, json.dumps({**badge, "name": "偽"}).encode())
    assert answer["verdict"] == "not-valid"
    assert answer["facts"] is answer["erased_at"] is answer["revocation"] is None


def test_no_page_leads_to_or_from_an_erased_badge(world: VerifierWorld) -> None:
    """Of a registration that renews an erased one, and of an erased one that was corrected."""
    first, second = (assertion(19, version=number).assertion_id for number in (1, 2))
    changes: list[Document] = [
        {"number": 19, "version": 1},
        {"number": 19, "version": 2, "corrects": first},
        {"number": 22, "replaces": second},
    ]
    old, corrected, renewal = world.anchor(*(world.issue(**each) for each in changes))
    for each in changes:
        world.note(VerifierTransaction.note_issued, issued(assertion(**each), "0" * 64))
    replaced = AssertionRevoked(assertion_id=first, reason="訂正：氏名", revoked_at=AT, replaced_by=second)
    world.note(VerifierTransaction.note_revoked, replaced)
    assert by_id(world, first)["replaced_by"] and by_id(world, id_of(renewal))["renews"]
    world.note(VerifierTransaction.note_erased, erased(old, corrected))
    says_erased(world, second)
    assert by_id(world, first)["replaced_by"] is None and "訂正" not in page(world, first)
    answer, text = by_id(world, id_of(renewal)), page(world, id_of(renewal))
    assert (answer["verdict"], answer["renews"]) == ("valid", None)
    assert second not in text and first not in text and "前の登録の証明書" not in text


# ── all others ─────────────────────────────────────────────────────────────────────────────────────────


def test_erasing_a_person_leaves_all_others_verifiable_and_the_count_right(
    world: VerifierWorld, tmp_path: Path
) -> None:
    """One batch, of which one badge is erased: by our verifier, in the browser, by a third party, and who counts."""
    badges = world.anchor(*(world.issue(number) for number in range(25, 37, 3)))
    counts = _counted(world, badges)
    leaf, gone, others = leaf_of(badges[1]), badges[1], [badges[0], *badges[2:]]
    kept = world.shelf.kept[object_keys.credential(id_of(gone))]
    assert _count(world, counts) == ("right", {"issued": 4, "valid": 4, "revoked": 0})

    counts.now += timedelta(hours=1)
    counts.revoke([each for each in counts.badges if each.leaf == leaf])
    show(world, counts)  # before the next statement: the list is newer than the count, which is no fault
    assert _count(world, counts)[0] == "not-recorded-yet"
    del world.shelf.kept[object_keys.credential(id_of(gone))]
    world.note(VerifierTransaction.note_erased, erased(gone))
    counts.state()
    counts.anchor()
    show(world, counts)

    contents = [world.shelf.kept[object_keys.credential(id_of(each))] for each in others]
    assert [by_id(world, id_of(each))["verdict"] for each in others] == ["valid"] * 3
    assert [handed_in(world, content)["verdict"] for content in contents] == ["valid"] * 3
    assert [seen["kind"] for seen in in_browser(world, *contents, kept)] == ["valid"] * 3 + ["revoked"]
    outside = _by_third_party(world, [*map(json.loads, contents), json.loads(kept)])
    assert outside == [(True, False)] * 3 + [(True, True)]
    says_erased(world, id_of(gone))

    assert _count(world, counts) == ("right", {"issued": 4, "valid": 3, "revoked": 1})
    assert leaf in ask.get(f"{world.url}/statements/2026/1.leaves.json").text
    assert leaf in ask.get(f"{world.url}/batches/{counts.badges[1].root}.json").text
    [statement] = in_browser(world, counts.kept[object_keys.statement("2026", 2)])
    assert (statement["kind"], {each["outcome"] for each in statement["checks"]}) == ("right", {"ok"})


def _counted(world: VerifierWorld, badges: Sequence[Document]) -> CountWorld:
    """A count of these badges, whose batch they make, stated, recorded and shown."""
    counts = CountWorld(world.url)
    counts.badges = [Counted("2026", "shunin-gishi", leaf_of(each), index_of(each)) for each in badges]
    counts.anchor(counts.badges)
    counts.state()
    counts.anchor()
    show(world, counts)
    return counts


def _count(world: VerifierWorld, counts: CountWorld) -> tuple[str, dict[str, int]]:
    number = len(counts.stated["2026"])
    answer = handed_in(world, counts.kept[object_keys.statement("2026", number)])
    return answer["verdict"], {name: answer["figures"][name] for name in ("issued", "valid", "revoked")}


def _by_third_party(world: VerifierWorld, documents: Sequence[Document]) -> list[tuple[bool, bool]]:
    did, listed = (ask.get(f"{world.url}/{path}").json() for path in (".well-known/did.json", "status/1.json"))
    now = world.moment.isoformat()
    # Its own proof of anchoring is of a suite that a third party need not know.
    signed = [{**each, "proof": each["proof"][0]} for each in documents]
    answers = ask_outside_verifier(
        *({"credential": each, "did": did, "statusList": listed, "now": now} for each in signed)
    )
    return [(each["verified"], each["status"]) for each in answers]
