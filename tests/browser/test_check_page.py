"""The check in a real browser, on a real chain: with our site, without it, and as one file from a disk."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from deploy.local.loopback import ask
from deploy.local.ports import free_port
from services.issuer.domain.issuance import issued
from services.verifier.store import VerifierTransaction
from shared.credentials.baking import bake_png, bake_svg
from shared.credentials.open_badges_2 import assertion_of
from shared.erasure_events import AssertionsErased
from tests.worlds.anvil import Anvil, anvil
from tests.worlds.credentials import assertion
from tests.worlds.pdfs import printed
from tests.worlds.postgres import Databases
from tests.worlds.verifier import AT, VerifierWorld, verifier_world

SCRIPT = Path(__file__).with_name("check_page.mjs")
PICTURES = os.environ.get("PICTURES")
"""A folder where pictures of the pages are left, for a look by eye."""

Step = dict[str, Any]


@pytest.fixture(scope="module")
def chain() -> Iterator[Anvil]:
    with anvil() as made:
        yield made


@dataclass
class Desk:
    """Files that a visitor has, the page on the site, and the page that he saved."""

    world: VerifierWorld
    folder: Path
    stop_site: ExitStack

    @property
    def page(self) -> str:
        return f"{self.world.url}/check"

    @property
    def saved(self) -> str:
        return (self.folder / "verify.html").as_uri()

    def save_page(self) -> None:
        answer = ask.get(f"{self.page}/verify.html")
        assert answer.status_code == 200 and "attachment" in answer.headers["content-disposition"]
        (self.folder / "verify.html").write_bytes(answer.content)

    def file(self, name: str, content: bytes) -> str:
        path = self.folder / name
        path.write_bytes(content)
        return str(path)

    def look(self, *steps: Step) -> list[dict[str, Any]]:
        """What the visitor sees. Whatever he does: nothing for axe-core, nothing asked before the button."""
        for number, step in enumerate(steps):
            if PICTURES and "picture" in step:
                step["picture"] = str(Path(PICTURES) / f"{step['picture']}.png")
            else:
                step.pop("picture", None)
            step["page"] = step.get("page", self.page)
            assert number < 20
        ran = subprocess.run(
            ["node", str(SCRIPT)],
            input=json.dumps({"now": AT.isoformat(), "steps": steps}).encode(),
            capture_output=True,
            timeout=240,
        )
        assert ran.returncode == 0, ran.stderr.decode()
        answers: list[dict[str, Any]] = json.loads(ran.stdout)
        for answer in answers:
            assert (answer["violations"], answer["overflow"], answer["before"], answer["broken"]) == ([], 0, [], []), (
                answer
            )
        return answers


@pytest.fixture
def desk(databases: Databases, chain: Anvil, tmp_path: Path) -> Iterator[Desk]:
    port = free_port()
    with ExitStack() as stack:
        world = stack.enter_context(verifier_world(chain, databases.fresh(), port))
        yield Desk(world, tmp_path, stack)


DRAWN = b'<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd">\n'


def asked(answer: dict[str, Any]) -> set[str]:
    return {request["url"].rstrip("/") for request in answer["requests"]}


def test_a_visitor_checks_a_file_on_our_page(desk: Desk) -> None:
    world = desk.world
    latin = {"family_name_latin": "TAKAHASHI", "given_name_latin": "Ichiro"}
    badge, revoked, gone = world.anchor(world.issue(1, **latin), world.issue(2), world.issue(3))
    world.revoke(*(int(each["credentialStatus"]["statusListIndex"]) for each in (revoked, gone)))
    id = str(gone["id"])[-31:-5]
    erased = AssertionsErased(
        decision_id="erase-R3", subject="R3", registration_ids=("R3",), assertion_ids=(id,), erased_at=AT
    )
    world.note(VerifierTransaction.note_erased, erased)
    text = json.dumps(badge, ensure_ascii=False)
    art = {form: world.shelf.kept[f"badges/shunin-gishi/2026.{form}"] for form in ("png", "svg")}
    half = msgspec.json.encode(assertion_of(badge, public_url=world.url))
    baked = {"credential": text.encode(), "assertion": half}
    baked_svg = bake_svg(art["svg"], **baked)
    good = desk.file("badge.json", text.encode())
    changed = desk.file("changed.json", text.replace("髙橋", "高橋").encode())
    sites = {f"{world.url}/.well-known/did.json", f"{world.url}/status/1.json"}
    node = world.chain.url
    valid, english, wide, png, svg, drawn, marked, no, out, forgotten, alone, bad, *refused = desk.look(
        {"file": good, "node": node, "picture": "valid"},
        {"file": good, "node": node, "language": "en", "drop": True, "width": 320, "picture": "valid-en-320"},
        {"file": good, "node": node, "width": 1280, "picture": "valid-1280"},
        {"file": desk.file("badge.png", bake_png(art["png"], **baked)), "node": node},
        {"file": desk.file("badge.svg", baked_svg), "node": node},
        {"file": desk.file("drawn.svg", b"\xef\xbb\xbf" + DRAWN + baked_svg), "node": node},
        {"file": desk.file("marked.json", text.encode("utf-16")), "node": node},
        {"file": changed, "node": node, "picture": "changed"},
        {"file": desk.file("revoked.json", json.dumps(revoked).encode()), "node": node, "picture": "revoked"},
        {"file": desk.file("erased.json", json.dumps(gone).encode()), "node": node, "picture": "erased"},
        {"file": good, "node": "", "picture": "no-node"},
        {"file": good, "node": "http://127.0.0.1:9", "picture": "node-away"},
        {"file": desk.file("entity.svg", DRAWN.replace(b">", b' [<!ENTITY a "b">]>') + baked_svg), "node": node},
        {"file": desk.file("outer.svg", b'<!DOCTYPE svg SYSTEM "http://127.0.0.1/x.dtd">' + baked_svg), "node": node},
        {"file": desk.file("half.svg", baked_svg.replace(b'"expires":"2030', b'"expires":"2099')), "node": node},
        {
            "file": desk.file("verify.svg", baked_svg.replace(b' verify="', b' verify="https://b.example/')),
            "node": node,
        },
    )
    assert valid["prefilled"] == node  # of this machine: it may be shown
    for answer in refused:
        assert answer["heading"] in ("この証明書は使えません", "証明書を読み取れませんでした"), answer
        assert asked(answer) == set()
    for answer in (valid, wide, png, svg, drawn, marked):
        assert answer["heading"] == "有効な証明書です" and answer["checks"] == ["ok"] * 7, answer
        assert "髙橋 一郎" in answer["facts"] and "26-00001" in answer["facts"] and answer["notes"] == ""
        assert asked(answer) == {*sites, node} and answer["console"] == []
        assert answer["focus"] == "verdict" and answer["title"].startswith("証明書を自分で確かめる")
    assert english["heading"] == "This certificate is valid" and "11 May 2026" in english["text"]
    assert "Authorized Chief Concrete Engineer" in english["facts"]
    assert no["heading"] == "この証明書は使えません" and "髙橋" not in no["facts"] and "高橋" not in no["facts"]
    assert out["heading"] == forgotten["heading"] == "取り消された証明書です"
    assert "発行者の記録は消去されました（2026年5月11日）。" in forgotten["text"] and "消去" not in out["text"]
    assert "以前の内容にはお答えできません" in forgotten["next"] and "消去" not in out["next"]
    assert alone["heading"] == "今は確認できません" and "ノードを選んでいない" in alone["notes"]
    assert "ノードのアドレスを入れて" in alone["next"] and "しばらくして" not in alone["next"]
    assert alone["checks"] == [*["ok"] * 6, "unknown"] and asked(alone) == sites
    assert bad["heading"] == "今は確認できません" and "別のノード" in bad["notes"]
    assert "別のノードのアドレスを入れて" in bad["next"]
    assert "この証明書は取り消されていません" in valid["found"] and "bit" not in valid["said"]
    assert valid["facts"].index("髙橋 一郎") < valid["facts"].index("TAKAHASHI Ichiro")
    assert english["facts"].index("TAKAHASHI Ichiro") < english["facts"].index("髙橋 一郎")
    assert "this certificate is not revoked" in english["found"]


def test_nothing_of_the_visitors_file_leaves_the_browser_but_a_hash(desk: Desk) -> None:
    """Nothing of the badge but its root and transaction leaves the page."""
    world = desk.world
    [badge] = world.anchor(world.issue(3))
    good = desk.file("badge.json", json.dumps(badge, ensure_ascii=False).encode())
    [answer] = desk.look({"file": good, "node": world.chain.url})
    sent = json.dumps([request["body"] for request in answer["requests"]])
    told = {
        name for request in answer["requests"] if request["body"] for name in [json.loads(request["body"])["method"]]
    }
    assert told == {
        "eth_chainId",
        "eth_getBlockByNumber",
        "eth_getCode",
        "eth_call",
        "eth_getTransactionByHash",
        "eth_getTransactionReceipt",
    }
    for fact in ("26-00003", "P25-0003", "髙橋", badge["id"][-31:-5], "identityHash"):
        assert fact not in sent
    assert all("26-00003" not in request["url"] and badge["id"] != request["url"] for request in answer["requests"])


def test_the_saved_file_checks_badges_without_our_servers(desk: Desk) -> None:
    """The saved page, opened from a disk: with our site, and without it: all but revocation then."""
    world = desk.world
    badge, other = world.anchor(world.issue(4), world.issue(5))
    desk.save_page()
    text = json.dumps(badge, ensure_ascii=False)
    good = desk.file("badge.json", text.encode())
    changed = desk.file("changed.json", text.replace("26-00004", "26-00005").encode())
    neighbours = {**badge, "proof": [badge["proof"][0], other["proof"][1]]}
    stolen = desk.file("stolen.json", json.dumps(neighbours).encode())
    did = desk.file("did.json", world.shelf.kept["issuer/did.json"])
    node = world.chain.url
    [up] = desk.look({"page": desk.saved, "file": good, "node": node, "picture": "saved-site-up"})
    assert up["heading"] == "有効な証明書です" and up["checks"] == ["ok"] * 7 and up["console"] == []
    assert asked(up) == {f"{world.url}/.well-known/did.json", f"{world.url}/status/1.json", node}

    desk.stop_site.close()  # our site is gone; the chain isn't ours
    with pytest.raises(httpx.ConnectError):
        ask.get(world.url)
    down, english, forged, path, given = desk.look(
        {"page": desk.saved, "file": good, "node": node, "picture": "saved-site-down"},
        {"page": desk.saved, "file": good, "node": node, "language": "en", "width": 320, "picture": "saved-down-en"},
        {"page": desk.saved, "file": changed, "node": node},
        {"page": desk.saved, "file": stolen, "node": node},
        {"page": desk.saved, "file": good, "node": node, "did": did},
    )
    assert down["heading"] == "今は確認できません"
    assert down["checks"] == ["ok", "ok", "ok", "ok", "unknown", "ok", "ok"]
    assert "確認できて、正しかったもの：電子署名、有効期間、記録の証明、ブロックチェーン" in down["notes"]
    assert "取り消されていないかどうかは分かりません" in down["notes"]
    assert "2026年5月11日時点の公開鍵" in down["notes"]
    assert "髙橋 一郎" in down["facts"]
    assert asked(down) == {f"{world.url}/.well-known/did.json", f"{world.url}/status/1.json", node}
    assert english["heading"] == "Could not be checked now" and "revoked is not known" in english["notes"]
    assert "as of 11 May 2026" in english["notes"]
    assert forged["heading"] == path["heading"] == "この証明書は使えません"
    assert given["checks"] == down["checks"] and "お渡しいただいた did.json" in given["notes"]


def test_a_mistake_of_the_visitor_is_explained(desk: Desk) -> None:
    world = desk.world
    blank = b"%PDF-1.4\n1 0 obj\n<< /Type /Catalog >>\nendobj\ntrailer\n<< /Root 1 0 R >>\nstartxref\n0\n%%EOF\n"
    badge = desk.file("badge.json", json.dumps(world.issue(6)).encode())
    entity = b'<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY a "b">]><svg xmlns="http://www.w3.org/2000/svg">&a;</svg>'
    script = b'<svg xmlns="http://www.w3.org/2000/svg"><script>document.title = "run"</script></svg>'
    photo = desk.file("photo.jpg", b"\xff\xd8\xff\xe0" + b"\0" * 2_000_000)
    announced = issued(assertion(7), "0" * 64)
    world.note(VerifierTransaction.note_issued, announced)
    unreceived = desk.file("unreceived.json", json.dumps(world.issue(7)).encode())
    page, look_alike = f"{world.url}/V/{'B' * 26}", f"{world.url}.example/V/{'B' * 26}"
    shown = desk.file("shown.pdf", printed(page.replace("http:", "HTTP:"), identifier=page))
    elsewhere = desk.file("elsewhere.pdf", printed(look_alike, page.replace("B", "C"), page))
    nothing, pdf, paper, foreign, two, node, did, svg, active, huge, pending, picture, abroad, waiting, awaited = (
        desk.look(
            {"picture": "no-file"},
            {"file": desk.file("certificate.pdf", blank), "picture": "pdf"},
            {"file": shown, "picture": "printed"},
            {"file": shown, "language": "en", "width": 320, "picture": "printed-en-320"},
            {"file": elsewhere},
            {"file": badge, "node": "localhost:8545"},
            {"file": badge, "did": desk.file("did.json", b"not JSON")},
            {"file": desk.file("entity.svg", entity)},
            {"file": desk.file("script.svg", script)},
            {"file": desk.file("huge.json", b" " * 9_000_000)},
            {"file": badge, "node": world.chain.url, "picture": "in-progress"},
            {"file": photo, "picture": "photo"},
            {"file": photo, "language": "en"},
            {"file": unreceived, "picture": "waiting"},
            {"file": unreceived, "language": "en"},
        )
    )
    assert "先に、証明書のファイル" in nothing["problem"] and nothing["requests"] == []
    assert "印刷用" in pdf["problem"] and pdf["requests"] == []
    assert paper["heading"] == "このPDFは印刷用の証書です" and paper["links"] == [page] and paper["requests"] == []
    assert foreign["heading"] == "This PDF is a certificate for printing" and "compare what it says" in foreign["said"]
    assert "印刷用" in two["problem"] and two["links"] == [] and two["requests"] == []  # which of two is not known
    assert "https:// または http://" in node["problem"] and node["requests"] == []
    assert "did.json を読めませんでした" in did["problem"]
    assert svg["heading"] == "証明書を読み取れませんでした" and active["heading"] == "証明書のデータがありません"
    for drawn in (svg, active):
        assert drawn["requests"] == [] and drawn["title"].startswith("証明書を自分で確かめる")
    assert picture["heading"] == "証明書のデータがありません" and "有効とも無効とも言えません" in picture["text"]
    assert "発行したとおりのものではありません" not in picture["text"] and "写真" in picture["next"]
    assert abroad["heading"] == "There is no certificate data in it" and "a photo" in abroad["next"]
    assert waiting["heading"] == "受領待ちです" and "登録は有効です。" in waiting["text"]
    assert awaited["heading"] == "Waiting for receipt" and "The registration is valid." in awaited["text"]
    assert "大きすぎます" in huge["problem"]
    assert pending["heading"] == "発行手続き中です"


def test_the_pages_policy_lets_in_only_its_own(desk: Desk) -> None:
    page = ask.get(desk.page)
    policy = page.headers["content-security-policy"]
    assert "script-src 'self'" in policy and "unsafe" not in policy and "connect-src 'self' https: http:" in policy
    saved = ask.get(f"{desk.page}/verify.html").text
    assert "default-src 'none'; script-src 'sha256-" in saved.replace("&#39;", "'") and "unsafe" not in policy
    assert 'src="' not in saved and 'rel="stylesheet"' not in saved and "onclick" not in saved
    assert len(saved.encode()) < 1_000_000
    desk.world.shelf.away = True
    assert ask.get(desk.page).status_code == 200
    assert ask.get(f"{desk.page}/verify.html").status_code == 503
