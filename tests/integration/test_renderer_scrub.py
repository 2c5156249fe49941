"""The renderer compares its table with object storage and makes PDFs again.

Tests services/renderer/inventory.py.
"""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256

import msgspec
import psycopg
import pytest

from services.renderer.app import MIGRATIONS
from services.renderer.domain.certificate import Press
from services.renderer.handlers import printed, render
from services.renderer.inventory import Certificates
from services.renderer.store import RendererTransaction
from shared import object_keys
from shared.office_events import ObjectsScrubbed
from shared.programme import Bilingual
from shared.runtime.migrate import migrate
from tests.worlds.press import FONTS, PROGRAMME
from tests.worlds.renderer import Stage, anchored
from tests.worlds.scrub_passes import count, found, outcomes, scrubbed

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
    report = scrubbed(stage.store, stage.objects, (Certificates(stage.ports),), repair=repair)
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
    hashes = rendered.rows("select * from renderings order by 1")
    with psycopg.connect(rendered.store.url) as connection:
        connection.execute("alter table renderings drop column certificate_sha256, drop column details_sha256")
        connection.execute("update schema_version set version_num = '0003'")
    assert migrate(rendered.store.url, "renderer", MIGRATIONS)
    assert rendered.rows("select * from renderings order by 1") == hashes
