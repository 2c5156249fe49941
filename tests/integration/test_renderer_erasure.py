"""The renderer erases a person: PDFs are deleted, print sheets drawn again without them, nothing is drawn later.

Tests services/renderer: erasure, store, print_sheets, inventory.
"""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pypdfium2
import pytest

from services.renderer import erasure
from services.renderer.app import build
from services.renderer.handlers import Ports, note_revoked, render
from services.renderer.inventory import Certificates
from services.renderer.print_sheets import PrintSheets, draw_sheets
from services.renderer.store import RendererTransaction, Store
from shared import object_keys
from shared.erasure_events import AssertionsErased
from shared.office_events import DecisionSettled, ObjectsScrubbed
from shared.paper_events import PaperItem, PrintEntry, PrintSheetOrdered, PrintSheetRendered
from tests.worlds.consumer import note
from tests.worlds.objects import MemoryObjects
from tests.worlds.recalled import Fact, announced, back_up, take_back
from tests.worlds.renderer import NOW, Stage, anchored, config, revoked
from tests.worlds.scrub_passes import found, scrubbed
from tests.worlds.story import until

pytest_plugins = ("tests.worlds.renderer_fixtures",)

NAME = {"family_name": "鉄筋", "given_name": "健一"}
ID, OTHER = (anchored(number).assertion_id for number in (1, 2))
PDFS = {object_keys.certificate(ID), object_keys.details(ID)}


def erased(*ids: str, decision_id: str = "E1") -> AssertionsErased:
    return AssertionsErased(
        decision_id=decision_id, subject="R1", registration_ids=("R1",), erased_at=NOW, assertion_ids=ids
    )


def issuer_erases(stage: Stage, *ids: str) -> AssertionsErased:
    """The credentials are gone before it is announced."""
    for id in ids:
        stage.objects.kept.pop(object_keys.credential(id), None)
    return erased(*ids)


def finish(stage: Stage) -> None:
    for _ in range(3):
        erasure.delete_erased(stage.ports)
        while draw_sheets(stage.ports):
            pass


def settled(stage: Stage) -> list[DecisionSettled]:
    return [event for event in stage.events() if isinstance(event, DecisionSettled)]


def pdfs(stage: Stage) -> set[str]:
    return {key for key in stage.objects.kept if key.startswith(object_keys.CERTIFICATES)}


@pytest.fixture
def rendered(stage: Stage) -> Stage:
    """Two badges with their PDFs."""
    stage.note_anchored(anchored(1, stage.objects, **NAME), anchored(2, stage.objects))
    assert render(stage.ports) == 2
    return stage


def test_their_pdfs_are_deleted_and_nobody_elses(rendered: Stage) -> None:
    others = {key: body for key, body in rendered.objects.kept.items() if key not in PDFS and ID not in key}
    evidence = object_keys.scrubbed(object_keys.details(ID), "0" * 64)
    rendered.objects.kept[evidence] = b"%PDF broken"
    erasure.note_erased([issuer_erases(rendered, ID)], rendered.ports)
    finish(rendered)
    assert rendered.objects.kept == others
    assert rendered.states() == {ID: "erased", OTHER: "done"}
    hashes = "select certificate_sha256, details_sha256 from renderings where state = 'erased'"
    assert rendered.rows(hashes) == [(None, None)]
    (event,) = settled(rendered)
    assert (event.decision_id, event.subject, event.service, event.outcome) == ("E1", "R1", "renderer", "done")
    rendered.later(timedelta(minutes=1))
    finish(rendered)
    assert rendered.rows("select * from deletions") == [] and len(settled(rendered)) == 1


def test_who_had_no_badge_is_settled_at_once(stage: Stage) -> None:
    erasure.note_erased([erased()], stage.ports)
    assert len(settled(stage)) == 1 and stage.rows("select * from deletions") == []


def test_what_is_read_later_about_them_draws_nothing(stage: Stage) -> None:
    """Both topics in the other order: AssertionsErased first. As after a restore, the credential is there again."""
    event = anchored(1, stage.objects)
    erasure.note_erased([erased(ID)], stage.ports)
    stage.note_anchored(event)
    note_revoked([revoked(ID)], stage.ports)
    stage.later(timedelta(days=1))
    assert render(stage.ports) == 0
    finish(stage)
    assert stage.states() == {ID: "erased"} and pdfs(stage) == set() and len(settled(stage)) == 1


@pytest.mark.parametrize("state", ["pending", "skipped", "failed"])
def test_what_was_not_drawn_before_is_never_drawn(stage: Stage, state: str) -> None:
    event = anchored(1, stage.objects, family_name="鉄😀" if state == "failed" else "鉄筋")
    if state == "skipped":
        note_revoked([revoked(ID)], stage.ports)
    stage.note_anchored(event)
    if state == "failed":
        render(stage.ports)
    assert stage.states() == {ID: state}
    erasure.note_erased([issuer_erases(stage, ID)], stage.ports)
    stage.later(timedelta(days=1))
    assert render(stage.ports) == 0
    columns = "state, last_error, skipped_as, failure_reason, failure_field, failure_characters"
    assert stage.rows(f"select {columns} from renderings") == [("erased", *(None,) * 5)]


def test_while_storage_is_away_the_deletion_waits(rendered: Stage) -> None:
    erasure.note_erased([erased(ID)], rendered.ports)
    rendered.objects.away = True
    assert erasure.delete_erased(rendered.ports) == 0
    rendered.objects.away = False
    assert settled(rendered) == [] and pdfs(rendered) >= PDFS
    rendered.later(timedelta(minutes=10))
    finish(rendered)
    assert len(settled(rendered)) == 1 and not pdfs(rendered) & PDFS


def dying_at(method: str, stage: Stage) -> Ports:
    def die(self: Any, *_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    kind = type("Dying", (RendererTransaction,), {method: die})
    return replace(stage.ports, store=Store(stage.store.url, "renderer", kind, stage.ports.now))


@pytest.mark.parametrize("method", ["erase_renderings", "lock_sheets_with", "erase", "announce", "flush"])
def test_after_dying_at_any_step_the_end_is_the_same(rendered: Stage, method: str) -> None:
    dying = dying_at(method, rendered)
    if method != "announce":
        with pytest.raises(KeyboardInterrupt):
            erasure.note_erased([erased(ID)], dying)
        assert rendered.states()[ID] == "done"
    erasure.note_erased([erased(ID)], rendered.ports)
    if method in ("lock_sheets_with", "announce", "flush"):
        with pytest.raises(KeyboardInterrupt):
            erasure.delete_erased(dying)
        assert settled(rendered) == []
    dying.store.close()
    finish(rendered)
    assert len(settled(rendered)) == 1 and not pdfs(rendered) & PDFS
    assert rendered.states() == {ID: "erased", OTHER: "done"}


class Slow(MemoryObjects):
    """The first put of a PDF waits until somebody lets it go on."""

    def __init__(self, kept: dict[str, bytes]) -> None:
        super().__init__(kept)
        self.begun, self.may_end = threading.Event(), threading.Event()

    def put(self, key: str, body: bytes, content_type: str) -> None:
        self.begun.set()
        assert self.may_end.wait(30)
        super().put(key, body, content_type)


def test_what_is_being_drawn_is_waited_for_and_then_deleted(stage: Stage) -> None:
    stage.note_anchored(anchored(1, stage.objects))
    slow = Slow(stage.objects.kept)
    drawing = threading.Thread(target=render, args=(replace(stage.ports, objects=slow),))
    drawing.start()
    assert slow.begun.wait(30)
    noting = threading.Thread(target=erasure.note_erased, args=([erased(ID)], stage.ports))
    noting.start()
    waiting = "select pid from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
    until(lambda: stage.rows(waiting), seconds=30, what="the erasure to wait for the row that is drawn")
    slow.may_end.set()
    drawing.join(30)
    noting.join(30)
    assert pdfs(stage) == PDFS
    finish(stage)
    assert pdfs(stage) == set() and stage.states() == {ID: "erased"} and len(settled(stage)) == 1


def test_a_put_that_takes_effect_late_is_deleted_as_well(rendered: Stage) -> None:
    late = {key: rendered.objects.kept[key] for key in PDFS}
    erasure.note_erased([erased(ID)], rendered.ports)
    finish(rendered)
    rendered.objects.kept |= late
    rendered.later(timedelta(minutes=1))
    finish(rendered)
    assert not pdfs(rendered) & PDFS


# ── print sheets ────────────────────────────────────────────────────────────────────────────────────────


def ordered(stage: Stage, item: PaperItem, *ids: str, day: str = "20260501") -> PrintSheetOrdered:
    sheet = PrintSheetOrdered(
        sheet_id=f"{day}-{item}-0123456789ab",
        item=item,
        entries=tuple(PrintEntry(str(number) * 8, id) for number, id in enumerate(ids, 1)),
        ordered_at=stage.now,
    )
    note(stage.store, RendererTransaction.note_sheets, [sheet])
    return sheet


def sheet_text(stage: Stage, sheet: PrintSheetOrdered) -> str:
    document = pypdfium2.PdfDocument(stage.objects.kept[object_keys.print_sheet(sheet.sheet_id)])
    try:
        return "".join(page.get_textpage().get_text_range() for page in document)
    finally:
        document.close()


def told(stage: Stage) -> dict[str, PrintSheetRendered]:
    return {event.sheet_id: event for event in stage.events() if isinstance(event, PrintSheetRendered)}


@pytest.fixture
def printed(stage: Stage) -> tuple[Stage, list[PrintSheetOrdered]]:
    """A sheet of certificates and one of cards with two people, one with the erased person only, one with another."""
    anchored(1, stage.objects, **NAME), anchored(2, stage.objects)
    both: list[PaperItem] = ["certificate", "card"]
    sheets = [ordered(stage, item, ID, OTHER) for item in both]
    sheets += [ordered(stage, "card", ID, day="20260502"), ordered(stage, "card", OTHER, day="20260503")]
    while draw_sheets(stage.ports):
        pass
    return stage, sheets


def test_sheets_are_drawn_again_without_them_and_one_of_them_only_is_deleted(
    printed: tuple[Stage, list[PrintSheetOrdered]],
) -> None:
    stage, (certificates, cards, alone, others) = printed
    before = dict(stage.objects.kept)
    assert all("鉄筋" in sheet_text(stage, sheet) for sheet in (certificates, cards, alone))
    key = object_keys.print_sheet(cards.sheet_id)
    stage.objects.kept[object_keys.scrubbed(key, "0" * 64)] = before[key]
    erasure.note_erased([issuer_erases(stage, ID)], stage.ports)
    erasure.delete_erased(stage.ports)
    assert settled(stage) == []  # not before the sheets are drawn
    finish(stage)
    for sheet in (certificates, cards):
        text = sheet_text(stage, sheet)
        assert "鉄筋" not in text and "髙橋" in text
    assert object_keys.print_sheet(alone.sheet_id) not in stage.objects.kept
    assert (
        stage.objects.kept[object_keys.print_sheet(others.sheet_id)] == before[object_keys.print_sheet(others.sheet_id)]
    )
    assert not [key for key in stage.objects.kept if key.startswith(object_keys.SCRUBBED)]
    assert len(settled(stage)) == 1 and len(told(stage)) == 4
    assert scrub(stage).named == ()


def test_a_sheet_that_is_drawn_later_leaves_them_out_and_says_so(stage: Stage) -> None:
    """Also with their credential there, as in a restored bucket."""
    anchored(1, stage.objects, **NAME), anchored(2, stage.objects)
    waiting = ordered(stage, "card", ID, OTHER)
    erasure.note_erased([erased(ID)], stage.ports)
    late = ordered(stage, "card", ID, OTHER, day="20260502")
    alone = ordered(stage, "card", ID, day="20260503")
    finish(stage)
    for sheet in (waiting, late):
        assert "鉄筋" not in sheet_text(stage, sheet)
        assert (told(stage)[sheet.sheet_id].printed, told(stage)[sheet.sheet_id].left_out) == (1, ("11111111",))
    assert (told(stage)[alone.sheet_id].pages, told(stage)[alone.sheet_id].left_out) == (0, ("11111111",))
    assert len(settled(stage)) == 1


def test_a_sheet_that_takes_effect_late_is_drawn_again(printed: tuple[Stage, list[PrintSheetOrdered]]) -> None:
    stage, (_, cards, alone, _) = printed
    keys = [object_keys.print_sheet(sheet.sheet_id) for sheet in (cards, alone)]
    late = {key: stage.objects.kept[key] for key in keys}
    erasure.note_erased([erased(ID)], stage.ports)
    finish(stage)
    stage.objects.kept |= late
    stage.later(timedelta(minutes=1))
    finish(stage)
    assert "鉄筋" not in sheet_text(stage, cards) and keys[1] not in stage.objects.kept
    assert stage.rows("select * from deletions") == []


# ── compared with storage, and restored ─────────────────────────────────────────────────────────────────


def scrub(stage: Stage, *, repair: bool = True) -> ObjectsScrubbed:
    report = scrubbed(stage.store, stage.objects, (Certificates(stage.ports), PrintSheets(stage.ports)), repair=repair)
    stage.objects.content_types -= {"application/octet-stream"}
    return report


def test_what_a_restored_bucket_has_again_is_deleted_and_no_evidence_of_it_is_kept(
    printed: tuple[Stage, list[PrintSheetOrdered]],
) -> None:
    stage, (_, cards, _, _) = printed
    stage.note_anchored(anchored(1, stage.objects, **NAME))
    assert render(stage.ports) == 1
    key = object_keys.print_sheet(cards.sheet_id)
    before = {each: stage.objects.kept[each] for each in (*PDFS, key)}
    erasure.note_erased([issuer_erases(stage, ID)], stage.ports)
    finish(stage)
    stage.objects.kept |= before
    assert found(scrub(stage, repair=False)) == {**dict.fromkeys(PDFS, ("only-stored", None)), key: ("different", None)}
    report = found(scrub(stage))
    assert report == {**dict.fromkeys(PDFS, ("only-stored", "repaired")), key: ("different", "repaired")}
    assert not pdfs(stage) & PDFS and "鉄筋" not in sheet_text(stage, cards)
    assert not [each for each in stage.objects.kept if each.startswith(object_keys.SCRUBBED)]
    assert scrub(stage).named == ()


@pytest.mark.parametrize("backup_at", ["before the PDFs", "before the erasure", "after it"])
@pytest.mark.parametrize("first", ["the erasure", "the others"])
def test_a_restored_renderer_takes_nothing_of_them_back(stage: Stage, backup_at: str, first: str) -> None:
    events = [anchored(1, stage.objects, **NAME), anchored(2, stage.objects)]
    backups = {"before the PDFs": back_up(stage.store)}
    stage.note_anchored(*events)
    render(stage.ports)
    sheet = ordered(stage, "card", ID, OTHER)
    draw_sheets(stage.ports)
    kafka: dict[Any, Fact] = {fact.id: fact for fact in announced(stage.store)}
    bucket = dict(stage.objects.kept)
    backups["before the erasure"] = back_up(stage.store)
    erasure.note_erased([erased(ID)], stage.ports)
    finish(stage)
    kafka = {fact.id: fact for fact in announced(stage.store) if fact.topic} | kafka
    backups["after it"] = back_up(stage.store)
    backups[backup_at].restore()
    stage.objects.kept.update(bucket)
    take_back(stage.store, build(config(stage), stage.ports)._recalls, list(kafka.values()))
    stage.later(timedelta(hours=2))
    if first == "the erasure":
        erasure.note_erased([erased(ID)], stage.ports)
    stage.note_anchored(*events)
    note(stage.store, RendererTransaction.note_sheets, [sheet])
    if first == "the others":
        erasure.note_erased([erased(ID)], stage.ports)
    assert render(stage.ports) == 0
    finish(stage)
    if backup_at == "after it":  # then nobody says so again: storage was set back beside the table
        scrub(stage)
    assert stage.states() == {ID: "erased", OTHER: "done"}
    assert not pdfs(stage) & PDFS and "鉄筋" not in sheet_text(stage, sheet)
    assert {fact.id for fact in announced(stage.store)} >= set(kafka)
    assert len([event for event in stage.events() if isinstance(event, DecisionSettled) and event.detail is None]) <= 1
