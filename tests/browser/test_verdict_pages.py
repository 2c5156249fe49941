"""The public pages in a real browser, one for each verdict: axe-core finds nothing, nothing is wider than a phone."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from deploy.local.ports import free_port
from services.issuer.domain.issuance import issued as announced
from services.verifier.store import VerifierTransaction
from shared.erasure_events import AssertionsErased
from shared.events import AssertionRevoked, BadgeVisibilityChanged
from tests.worlds.anvil import anvil
from tests.worlds.credentials import assertion
from tests.worlds.pdfs import printed
from tests.worlds.postgres import postgres
from tests.worlds.verifier import AT, VerifierWorld, verifier_world

SCREENS = Path(__file__).with_name("screens.mjs")


@pytest.fixture
def world() -> Iterator[VerifierWorld]:
    port = free_port()
    with postgres() as databases, anvil() as chain, verifier_world(chain, databases.fresh(), port) as made:
        yield made


def look(*targets: str, width: str = "390", lang: str = "ja-JP", fill: str = "", click: str = "") -> dict[str, Any]:
    acts = [*(["--fill", fill] if fill else []), *(["--click", click] if click else [])]
    scheme = "dark" if lang == "en-US" else "light"
    words = ["node", str(SCREENS), "--width", width, "--lang", lang, "--scheme", scheme, *acts, *targets]
    seen = subprocess.run(words, capture_output=True, text=True, timeout=180)
    report: dict[str, Any] = json.loads(seen.stdout)
    assert seen.returncode == 0, seen.stdout + seen.stderr
    assert not any(page["small"] for page in report["pages"]), "too small for a finger"
    return report


def id_of(document: dict[str, Any]) -> str:
    return str(document["id"]).rpartition("/")[2].removesuffix(".json")


LATIN = {"family_name_latin": "TAKAHASHI", "given_name_latin": "Ichiro"}

SENTENCES: dict[str, dict[str, list[str]]] = {
    "ja-JP": {
        "valid": [
            "このページの正しいアドレスは {url}/ で始まります",
            "ご本人かどうかまでは確かめません",
            "氏名・資格名・登録番号が、このページと同じか",
            "学会の鍵による署名が、証明書の全体に合っています。",
            "この証明書は取り消されていません",
        ],
        "forged": ["使えません", "署名が合いません。学会以外が作ったか、あとから書き換えられています。"],
        "hidden": ["氏名・資格名が、このページと同じか", "登録番号は、ご本人が公開していません"],
        "replaced": ["訂正後の証明書を見る", "記載を訂正した新しい証明書があります", "訂正した日"],
        "revoked": ["取り消した日"],
        "erased": [
            "取り消された証明書です",
            "発行者の記録は消去されました（2026年5月11日）",
            "以前の内容にはお答えできません",
        ],
        "waiting": [
            "受領待ちです",
            "登録は有効です。",
            "2026年4月1日から2030年3月31日まで",
            "ご本人の受領を待っています",
        ],
        "in-progress": ["発行手続き中です"],
        "unknown": ["この番号の証明書は、発行されていません。"],
    },
    "en-US": {
        "valid": [
            "The true address of this page begins with {url}/",
            "does not prove that the person presenting the certificate is its holder",
            "Compare name, qualification and registration number",
            "The signature by the society's key fits the whole document.",
            "this certificate is not revoked",
        ],
        "forged": ["The signature does not fit: it was not made by the society"],
        "hidden": ["Compare name and qualification with", "does not show the registration number"],
        "replaced": ["See the corrected certificate", "a new certificate with what was corrected", "Corrected"],
        "revoked": ["Revoked"],
        "erased": ["This certificate was revoked", "record of it was erased (11 May 2026)", "no record of it any more"],
        "waiting": ["Waiting for receipt", "The registration is valid.", "1 April 2026 to 31 March 2030"],
        "in-progress": ["Issue is in progress"],
        "unknown": ["No certificate was issued under this address."],
    },
}


HANDED_IN: dict[str, dict[str, list[str]]] = {
    "ja-JP": {
        "printed": ["このPDFのQRコードが示す登録の状態", "PDFそのものは確かめていません", "有効な証明書です"],
        "printed-erased": ["このPDFのQRコードが示す登録の状態", "発行者の記録は消去されました"],
        "photo": ["証明書のデータがありません", "有効とも無効とも言えません"],
        "url=https://me:secret@example.jp/badge": ["ユーザー名やパスワードの入ったURLは開きません"],
        "url=ftp://example.jp/badge": ["URLとして読み取れません"],
    },
    "en-US": {
        "printed": ["What the QR code on this PDF leads to", "itself was not checked", "This certificate is valid"],
        "printed-erased": ["What the QR code on this PDF leads to", "record of it was erased"],
        "photo": ["There is no certificate data in it", "neither known to be valid nor to be invalid"],
        "url=https://me:secret@example.jp/badge": ["A URL with a user name or password in it is not opened"],
        "url=ftp://example.jp/badge": ["It can't be read as a URL"],
    },
}


@pytest.mark.parametrize(("width", "lang"), [("320", "ja-JP"), ("390", "en-US")])
def test_a_verdict_can_be_read_by_everybody(world: VerifierWorld, tmp_path: Path, width: str, lang: str) -> None:
    pictures = os.environ.get("AKASHI_PICTURES")  # a folder: to look at them
    names = ("valid", "revoked", "replaced", "hidden", "forged", "erased")
    issued = [world.issue(n, **(LATIN if n == 1 else {})) for n in (1, 4, 7, 10, 13, 22)]
    made = dict(zip(names, world.anchor(*issued), strict=True))
    world.note(
        VerifierTransaction.note_revoked,
        AssertionRevoked(assertion_id=id_of(made["revoked"]), reason="本人の申し出", revoked_at=AT),
        AssertionRevoked(
            assertion_id=id_of(made["replaced"]), reason="訂正", revoked_at=AT, replaced_by=id_of(made["valid"])
        ),
    )
    erased = AssertionsErased(
        decision_id="erase-R1",
        subject="R1",
        registration_ids=("R1",),
        assertion_ids=(id_of(made["erased"]),),
        erased_at=AT,
    )
    world.note(VerifierTransaction.note_erased, erased)
    hidden = BadgeVisibilityChanged(assertion_id=id_of(made["hidden"]), details_public=False, revision=1)
    world.note(VerifierTransaction.note_visibility, hidden)
    world.put({**made["forged"], "name": "偽"})
    made["in-progress"] = world.issue(16)

    def target(name: str, path: str) -> str:
        return f"{world.url}{path}" + (f"={pictures}/{name}-{lang[:2]}-{width}.png" if pictures else "")

    world.note(VerifierTransaction.note_issued, announced(assertion(19), "0" * 64))
    made["waiting"] = world.issue(19)
    unknown = target("unknown", f"/V/{'A' * 26}")
    pages = [target(name, f"/V/{id_of(document)}") for name, document in made.items()]
    seen = look(*pages, unknown, target("front", "/"), width=width, lang=lang)["pages"]
    said = dict(zip([*made, "unknown", "front"], [page["text"] for page in seen], strict=True))
    for name, sentences in SENTENCES[lang].items():
        for sentence in sentences:
            assert sentence.replace("{url}", world.url) in said[name], (name, said[name])
    assert ("取り消した日" if lang == "ja-JP" else "\nRevoked\n") not in said["replaced"]
    first, second = ("髙橋 一郎", "TAKAHASHI Ichiro")[:: 1 if lang == "ja-JP" else -1]
    assert 0 < said["valid"].index(first) < said["valid"].index(second)
    assert all(page["kilobytes"] < 50 for page in seen), [page["kilobytes"] for page in seen]
    files = {"printed": tmp_path / "certificate.pdf", "printed-erased": tmp_path / "erased.pdf"}
    for file, name in zip(files.values(), ("valid", "erased"), strict=True):
        file.write_bytes(printed(f"{world.url}/V/{id_of(made[name])}"))
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(b"\xff\xd8\xff\xe0" + b"\0" * 300_000)
    for name, sentences in HANDED_IN[lang].items():
        handed_in = f"file={files[name]}" if name in files else f"file={photo}" if name == "photo" else name
        click = "" if handed_in.startswith("file=") else {"ja-JP": "確かめる", "en-US": "Check"}[lang]
        shown = target(name.partition(":")[0].replace("=", "-"), "/")
        [page] = look(shown, width=width, lang=lang, fill=handed_in, click=click)["pages"]
        for sentence in sentences:
            assert sentence in page["text"], page["text"]
        assert page["kilobytes"] < 50
    node, world.node = world.node, "http://127.0.0.1:9"
    look(target("could-not-check", f"/V/{id_of(made['valid'])}"), width=width, lang=lang)
    world.node, world.moment = node, AT + timedelta(days=3650)
    look(target("expired", f"/V/{id_of(made['valid'])}"), width=width, lang=lang)
    world.moment = AT
