"""The renderer compares its table with object storage and makes PDFs again.

Tests services/renderer/inventory.py and print_sheets.py.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import msgspec
import psycopg
import pytest

from services.renderer.app import MIGRATIONS, build
from services.renderer.domain.certificate import Press
from services.renderer.handlers import render
from services.renderer.inventory import Certificates
from services.renderer.pdf.signature import SignatureFiles, Signer
from services.renderer.print_sheets import PrintSheets, draw_sheets
from services.renderer.rendering import printed
from services.renderer.store import RendererTransaction
from shared import object_keys
from shared.office_events import ObjectsScrubbed
from shared.paper_events import PAPER_ITEMS, PrintEntry, PrintSheetOrdered, PrintSheetRendered
from shared.programme import Bilingual
from shared.runtime.migrate import migrate
from tests.worlds.consumer import note
from tests.worlds.press import FONTS, PROGRAMME
from tests.worlds.recalled import announced
from tests.worlds.renderer import Stage, anchored, config
from tests.worlds.scrub_passes import count, found, outcomes, scrubbed
from tests.worlds.signing import PASSPHRASE, signing

pytest_plugins = ("tests.worlds.renderer_fixtures",)

ID = anchored(1).assertion_id
CERTIFICATE, DETAILS = object_keys.certificate(ID), object_keys.details(ID)


@pytest.fixture
def rendered(stage: Stage) -> Stage:
    """Two badges with their PDFs."""
    stage.note_anchored(anchored(1, stage.objects), anchored(2, stage.objects))
    assert render(stage.ports) == 2
    return stage


def scrub(stage: Stage, *, repair: bool = True) -> ObjectsScrubbed:
    report = scrubbed(stage.store, stage.objects, (Certificates(stage.ports), PrintSheets(stage.ports)), repair=repair)
    stage.objects.content_types -= {"application/octet-stream"}  # the evidence
    return report


def test_both_pdfs_of_each_badge_are_read(rendered: Stage) -> None:
    report = scrub(rendered)
    assert report.named == () and count(report, "certificates").checked == 4


def test_lost_and_broken_pdfs_are_made_again_with_the_same_bytes(rendered: Stage) -> None:
    before = dict(rendered.objects.kept)
    del rendered.objects.kept[CERTIFICATE]
    rendered.objects.kept[DETAILS] = broken = before[DETAILS] + b"\n"
    assert found(scrub(rendered, repair=False)) == {CERTIFICATE: ("missing", None), DETAILS: ("different", None)}
    assert found(scrub(rendered)) == {CERTIFICATE: ("missing", "repaired"), DETAILS: ("different", "repaired")}
    kept = rendered.objects.kept.pop(object_keys.scrubbed(DETAILS, sha256(broken).hexdigest()))
    assert kept == broken and rendered.objects.kept == before
    assert outcomes(rendered.store) == ["at-fault", "done"]


def test_one_that_comes_out_otherwise_is_named_and_not_put(rendered: Stage) -> None:
    """Fonts or release have changed: the announced hash is that of another PDF."""
    del rendered.objects.kept[CERTIFICATE]
    with rendered.store.transaction() as tx:
        tx.cursor.execute("update renderings set certificate_sha256 = %s where assertion_id = %s", ("0" * 64, ID))
    rendered.objects.kept[object_keys.credential(ID)] += b" "
    assert found(scrub(rendered)) == {CERTIFICATE: ("missing", "waits")}  # a credential without the second proof
    anchored_by_proof(rendered)
    assert found(scrub(rendered)) == {CERTIFICATE: ("missing", "comes-out-otherwise")}
    assert CERTIFICATE not in rendered.objects.kept
    assert outcomes(rendered.store)[-1] == "at-fault"


def test_pdfs_that_were_drawn_otherwise_are_whole_and_are_never_replaced_by_todays(rendered: Stage) -> None:
    """Of the release before, of other fonts, of a programme with other words: what counts is the announced hash."""
    before = dict(rendered.objects.kept)
    texts = msgspec.structs.replace(PROGRAMME.texts, certificate_title=Bilingual("認定証", "CERTIFICATE"))
    society = msgspec.structs.replace(PROGRAMME.society, url="https://other.example.jp")
    programme = msgspec.structs.replace(PROGRAMME, texts=texts, society=society)
    rendered.ports = replace(rendered.ports, press=Press(programme, FONTS))
    today = printed(ID, rendered.ports)
    assert today.certificate != before[CERTIFICATE] and today.details != before[DETAILS]
    assert scrub(rendered).named == ()
    anchored_by_proof(rendered)
    kept = dict(rendered.objects.kept)
    del rendered.objects.kept[CERTIFICATE]
    rendered.objects.kept[DETAILS] = today.details
    report = found(scrub(rendered))
    assert report[CERTIFICATE] == ("missing", "comes-out-otherwise")
    assert report[DETAILS] == ("different", "comes-out-otherwise")
    del kept[CERTIFICATE]
    assert rendered.objects.kept == kept | {DETAILS: today.details}


def anchored_by_proof(stage: Stage) -> None:
    """The credential of ID has its second proof."""
    proof = b'"proof":[{"cryptosuite":"merkle-proof-2019"},'
    key = object_keys.credential(ID)
    stage.objects.kept[key] = stage.objects.kept[key].replace(b'"proof":[', proof)


def test_one_whose_credential_is_lost_waits(rendered: Stage) -> None:
    del rendered.objects.kept[CERTIFICATE], rendered.objects.kept[object_keys.credential(ID)]
    assert found(scrub(rendered)) == {CERTIFICATE: ("missing", "waits")}


def test_pdfs_of_a_badge_that_waits_to_be_rendered_are_no_fault(rendered: Stage) -> None:
    event = anchored(3, rendered.objects)
    rendered.note_anchored(event)
    rendered.objects.kept[object_keys.certificate(event.assertion_id)] = b"%PDF- put, not announced"
    assert scrub(rendered).named == ()


def test_pdfs_of_no_badge_are_named_and_left(rendered: Stage) -> None:
    strange = {object_keys.certificate("A" * 26): b"%PDF-", "certificates/readme": b"?"}
    rendered.objects.kept |= strange
    assert found(scrub(rendered)) == dict.fromkeys(strange, ("only-stored", "unknown"))
    assert rendered.objects.kept.items() >= strange.items()


def test_hashes_that_were_taken_back_after_a_restore_are_compared(rendered: Stage) -> None:
    events = rendered.announced()
    with rendered.store.transaction() as tx:
        tx.cursor.execute("delete from renderings")
        RendererTransaction.take_back_rendered(tx, events)
    del rendered.objects.kept[CERTIFICATE]
    assert found(scrub(rendered)) == {CERTIFICATE: ("missing", "repaired")}


def test_hashes_that_only_the_topic_has_are_taken_back(rendered: Stage) -> None:
    """Rows of a release that kept neither hashes nor what it had announced."""
    hashes = rendered.rows("select certificate_sha256, details_sha256 from renderings order by assertion_id")
    with rendered.store.transaction() as tx:
        tx.cursor.execute("update renderings set certificate_sha256 = null, details_sha256 = null")
        RendererTransaction.take_back_rendered(tx, rendered.announced())
    assert rendered.rows("select certificate_sha256, details_sha256 from renderings order by assertion_id") == hashes


def test_rows_of_a_release_without_hashes_get_those_that_were_announced(rendered: Stage) -> None:
    hashes = rendered.rows("select assertion_id, certificate_sha256, details_sha256 from renderings order by 1")
    with psycopg.connect(rendered.store.url) as connection:
        connection.execute(
            "drop table print_sheets; alter table renderings drop column certificate_sha256, drop column"
            " details_sha256, drop column certificate_unsigned_sha256, drop column details_unsigned_sha256"
        )
        connection.execute("update schema_version set version_num = '0003'")
    assert migrate(rendered.store.url, "renderer", MIGRATIONS)
    kept = rendered.rows("select assertion_id, certificate_sha256, details_sha256 from renderings order by 1")
    assert kept == hashes and None not in kept[0]


def test_a_lost_pdf_that_was_signed_gets_a_new_signature_under_the_same_document(stage: Stage, tmp_path: Path) -> None:
    signer = Signer(SignatureFiles(signing("ec").p12(tmp_path), None, PASSPHRASE), "society")
    stage.ports = replace(stage.ports, signer=signer)
    stage.note_anchored(anchored(1, stage.objects))
    assert render(stage.ports) == 1
    (event,) = stage.announced()
    plain = printed(ID, stage.ports)
    assert event.unsigned_sha256 == tuple(sha256(pdf).hexdigest() for pdf in (plain.certificate, plain.details))
    before = stage.objects.kept[CERTIFICATE]
    assert before.startswith(plain.certificate) and sha256(before).hexdigest() == event.certificate_sha256
    assert scrub(stage).named == ()

    stage.objects.kept[DETAILS] = plain.details  # somebody took the signature off
    del stage.objects.kept[CERTIFICATE]
    report = found(scrub(stage))
    assert report == {CERTIFICATE: ("missing", "repaired"), DETAILS: ("different", "repaired")}
    after = stage.objects.kept[CERTIFICATE]
    assert after != before and after.startswith(plain.certificate)
    assert scrub(stage).named == ()

    facts = announced(stage.store)
    process = build(config(stage), stage.ports)
    with stage.store.transaction() as tx:
        tx.cursor.execute("delete from renderings")
        for kind, recall in process._recalls.items():
            recall(tx, [fact.event for fact in facts if type(fact.event) is kind])
    assert found(scrub(stage))[CERTIFICATE] == ("different", "repaired")  # the first signature was announced

    stage.ports = replace(stage.ports, signer=None)
    anchored_by_proof(stage)
    del stage.objects.kept[CERTIFICATE]
    assert found(scrub(stage)) == {CERTIFICATE: ("missing", "comes-out-otherwise")}


def test_a_lost_print_sheet_is_drawn_again_and_one_of_a_restore_waits_for_its_order(stage: Stage) -> None:
    anchored(1, stage.objects), anchored(2, stage.objects)
    sheets = [
        PrintSheetOrdered(
            sheet_id=f"20260501-{item}-0123456789ab",
            item=item,
            entries=(PrintEntry("11111111", ID), PrintEntry("22222222", anchored(2).assertion_id)),
            ordered_at=stage.now,
        )
        for item in PAPER_ITEMS
    ]
    note(stage.store, RendererTransaction.note_sheets, sheets)
    stage.objects.away = True
    assert draw_sheets(stage.ports) == 0  # the storage is away
    stage.objects.away = False
    stage.later(timedelta(minutes=10))
    assert [draw_sheets(stage.ports) for _ in range(3)] == [1, 1, 0]
    keys = [object_keys.print_sheet(sheet.sheet_id) for sheet in sheets]
    before = dict(stage.objects.kept)
    stage.objects.kept[keys[0]] += b"?"
    del stage.objects.kept[keys[1]]
    stage.objects.kept["print-sheets/20200101-card-0123456789ab.pdf"] = b"%PDF of nobody"
    report = found(scrub(stage))
    assert report[keys[0]] == ("different", "repaired") and report[keys[1]] == ("missing", "repaired")
    assert report["print-sheets/20200101-card-0123456789ab.pdf"][0] == "only-stored"
    assert {key: stage.objects.kept[key] for key in keys} == {key: before[key] for key in keys}

    facts = announced(stage.store)
    process = build(config(stage), stage.ports)
    with stage.store.transaction() as tx:
        tx.cursor.execute("delete from print_sheets")
        tx.cursor.execute("delete from inbox")
        for kind, recall in process._recalls.items():
            recall(tx, [fact.event for fact in facts * 2 if type(fact.event) is kind])
    del stage.objects.kept[keys[1]]
    assert found(scrub(stage))[keys[1]] == ("missing", "waits")
    note(stage.store, RendererTransaction.note_sheets, sheets)  # read again
    assert draw_sheets(stage.ports) == 0
    assert found(scrub(stage))[keys[1]] == ("missing", "repaired")
    assert stage.objects.kept[keys[1]] == before[keys[1]]
    assert len([event for event in stage.events() if isinstance(event, PrintSheetRendered)]) == 2


def test_a_badge_whose_credential_is_lost_is_left_out_of_its_sheet_and_named(stage: Stage) -> None:
    anchored(1, stage.objects)
    for number, entries in enumerate((("11111111", "22222222"), ("22222222",))):
        ids = {"11111111": ID, "22222222": anchored(2).assertion_id}
        sheet = PrintSheetOrdered(
            sheet_id=f"2026050{number}-card-0123456789ab",
            item="card",
            entries=tuple(PrintEntry(order, ids[order]) for order in entries),
            ordered_at=stage.now,
        )
        note(stage.store, RendererTransaction.note_sheets, [sheet])
        assert draw_sheets(stage.ports) == 1
    rendered = [event for event in stage.events() if isinstance(event, PrintSheetRendered)]
    assert [(event.printed, event.pages, event.left_out) for event in rendered] == [
        (1, 1, ("22222222",)),
        (0, 0, ("22222222",)),
    ]
    assert [key for key in stage.objects.kept if key.startswith("print-sheets/")] == [rendered[0].object_key]
    assert scrub(stage).named == ()
