"""The renderer's handlers and store with a real database; object storage is in memory."""

from __future__ import annotations

import io
import time
from dataclasses import replace
from datetime import timedelta
from threading import Thread
from typing import Any

import pikepdf
import pytest

from services.issuer.art.badge_art import badge_png, badge_svg
from services.renderer.handlers import note_revoked, render
from services.renderer.store import RendererTransaction
from shared import object_keys
from shared.events import Event
from shared.object_keys import Picture
from shared.runtime.db import Database
from tests.worlds.credentials import assertion
from tests.worlds.objects import MemoryObjects
from tests.worlds.press import FONTS, PROGRAMME, text_of
from tests.worlds.renderer import Stage, anchored, revoked

pytest_plugins = ("tests.worlds.renderer_fixtures",)


def test_an_anchored_assertion_gets_both_pdfs_and_they_are_announced(stage: Stage) -> None:
    event = anchored(1, stage.objects)
    stage.note_anchored(event)
    assert render(stage.ports) == 1
    (announced,) = stage.announced()
    assert announced.assertion_id == event.assertion_id
    assert announced.certificate_key == f"certificates/{event.assertion_id}/certificate.pdf"
    for key in (announced.certificate_key, announced.details_key):
        assert "髙橋 一郎" in text_of(stage.objects.kept[key])
    assert "P25-0001" in text_of(stage.objects.kept[announced.details_key])
    assert stage.states() == {event.assertion_id: "done"}
    assert render(stage.ports) == 0


def test_a_second_copy_of_the_event_renders_nothing(stage: Stage) -> None:
    event = anchored(1, stage.objects)
    stage.note_anchored(event, event)
    render(stage.ports)
    stage.note_anchored(event)
    assert render(stage.ports) == 0
    assert len(stage.announced()) == 1
    assert len(stage.objects.puts) == 2


class Dying(RendererTransaction):
    """A transaction of a process that dies between the last PDF and the commit."""

    def announce(self, *events: Event, cause: Event | None = None) -> None:
        raise KeyboardInterrupt


def test_after_a_death_before_the_commit_the_next_run_renders_and_announces_once(stage: Stage) -> None:
    stage.note_anchored(anchored(1, stage.objects))
    dying: Any = Database(stage.store.url, "renderer", Dying, stage.ports.now)
    with pytest.raises(KeyboardInterrupt):
        render(replace(stage.ports, store=dying))
    dying.close()
    before = dict(stage.objects.kept)
    assert len(before) == 3  # the credential and both PDFs
    assert stage.announced() == []
    assert render(stage.ports) == 1
    assert stage.objects.kept == before
    assert len(stage.announced()) == 1


def test_while_storage_is_away_rows_wait_and_nothing_is_announced(stage: Stage) -> None:
    stage.note_anchored(*(anchored(number, stage.objects) for number in range(1, 11)))
    stage.objects.away = True
    assert render(stage.ports) == 0
    assert stage.announced() == []
    tried = stage.rows("select attempts, last_error from renderings where attempts > 0")
    assert 1 <= len(tried) <= 4  # the others were not begun
    assert all(attempts == 1 and "storage away" in error for attempts, error in tried)
    stage.objects.away = False
    stage.later(timedelta(seconds=2))
    assert render(stage.ports) == 10
    assert set(stage.states().values()) == {"done"}


def test_a_missing_credential_is_waited_for_and_the_others_are_rendered(stage: Stage) -> None:
    lost, fine = anchored(1), anchored(2, stage.objects)
    stage.note_anchored(lost, fine)
    assert render(stage.ports) == 1
    assert stage.states() == {lost.assertion_id: "pending", fine.assertion_id: "done"}
    assert stage.rows("select attempts from renderings where state = 'pending'") == [(1,)]
    anchored(1, stage.objects)
    assert render(stage.ports) == 0  # not before its time
    stage.later(timedelta(seconds=2))
    assert render(stage.ports) == 1


def test_a_missing_badge_picture_is_waited_for(stage: Stage) -> None:
    event = anchored(1, stage.objects)
    stage.ports.pictures.known.clear()
    stage.note_anchored(event)
    assert render(stage.ports) == 0
    svg = badge_svg("shunin-gishi", "2026", PROGRAMME, FONTS)
    stage.objects.kept[object_keys.badge_file("shunin-gishi", "2026", "svg")] = svg
    stage.later(timedelta(seconds=2))
    assert render(stage.ports) == 1


def test_badges_that_are_rendered_side_by_side_fetch_a_picture_once(stage: Stage) -> None:
    for id in PROGRAMME.qualifications:
        stage.objects.kept[object_keys.badge_file(id, "2026", "svg")] = badge_svg(id, "2026", PROGRAMME, FONTS)
    fetched: list[str] = []

    class Slow(MemoryObjects):
        def get(self, key: str) -> bytes:
            if key.endswith(".svg"):
                fetched.append(key)
                time.sleep(0.1)  # in which the others come to it
            return super().get(key)

    events = [anchored(number, stage.objects) for number in range(12)]
    stage.ports.pictures.known.clear()
    stage.note_anchored(*events)
    assert render(replace(stage.ports, objects=Slow(stage.objects.kept))) == 12
    assert len(fetched) == len(set(fetched)) >= 1


def test_a_badge_is_printed_with_the_picture_of_its_own_edition(stage: Stage) -> None:
    svg = badge_svg("shunin-gishi", "2026", PROGRAMME, FONTS)
    for document in printed_once_there(stage, "svg", svg):
        assert pixels(document) == []


def test_an_edition_with_a_picture_of_the_societys_own_is_printed_from_its_pixels(stage: Stage) -> None:
    own = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><g><text>by another program</text></g></svg>'
    stage.objects.kept[object_keys.badge_file("shunin-gishi", "2026-2", "svg")] = own
    png = badge_png("shunin-gishi", "2026", PROGRAMME, FONTS)
    for document in printed_once_there(stage, "png", png):
        assert pixels(document) == [(600, 600)]


def printed_once_there(stage: Stage, form: Picture, content: bytes) -> list[bytes]:
    """Both documents of a badge of the edition 2026-2, which waited until the picture in this form was stored."""
    stage.note_anchored(anchored(1, stage.objects, edition="2026-2"))
    assert render(stage.ports) == 0
    lacks = f"object badges/shunin-gishi/2026-2.{form}: not there"
    assert stage.rows("select last_error from renderings") == [(lacks,)]
    stage.objects.kept[object_keys.badge_file("shunin-gishi", "2026-2", form)] = content
    stage.later(timedelta(seconds=2))
    assert render(stage.ports) == 1
    (announced,) = stage.announced()
    return [stage.objects.kept[key] for key in (announced.certificate_key, announced.details_key)]


def pixels(pdf: bytes) -> list[tuple[int, int]]:
    """Sizes of the pictures on its page that are made of pixels."""
    with pikepdf.open(io.BytesIO(pdf)) as document:
        return [(int(image.Width), int(image.Height)) for image in document.pages[0].get_images().values()]


def test_a_corrected_version_is_rendered_like_any_badge(stage: Stage) -> None:
    old = assertion(1).assertion_id
    event = anchored(1, stage.objects, version=2, corrects=old, family_name="高橋")
    note_revoked([revoked(old)], stage.ports)
    stage.note_anchored(event)
    assert event.assertion_id != old
    assert render(stage.ports) == 1
    (announced,) = stage.announced()
    assert "高橋 一郎" in text_of(stage.objects.kept[announced.certificate_key])


def test_what_was_revoked_before_it_was_rendered_is_skipped(stage: Stage) -> None:
    early, late, fine = (anchored(number, stage.objects) for number in (1, 2, 3))
    broken = anchored(4, stage.objects, family_name="髙😀")
    note_revoked([revoked(early.assertion_id)] * 2, stage.ports)  # before its AssertionAnchored
    stage.note_anchored(early, late, fine, broken)
    stage.objects.away = True
    render(stage.ports)
    stage.objects.away = False
    note_revoked([revoked(late.assertion_id), revoked(broken.assertion_id)], stage.ports)
    stage.later(timedelta(seconds=2))
    assert render(stage.ports) == 1
    assert [event.assertion_id for event in stage.announced()] == [fine.assertion_id]
    note_revoked([revoked(fine.assertion_id)], stage.ports)
    assert stage.states() == {
        early.assertion_id: "skipped",
        late.assertion_id: "skipped",
        broken.assertion_id: "skipped",
        fine.assertion_id: "done",
    }
    stage.later(timedelta(days=1))
    assert render(stage.ports) == 0


def test_what_cannot_be_printed_fails_with_its_cause_and_is_rendered_once_corrected(stage: Stage) -> None:
    bad, fine = anchored(1, stage.objects, family_name="髙😀"), anchored(2, stage.objects)
    stage.note_anchored(bad, fine)
    assert render(stage.ports) == 2
    assert stage.states() == {bad.assertion_id: "failed", fine.assertion_id: "done"}
    ((cause,),) = stage.rows("select last_error from renderings where state = 'failed'")
    assert "U+1F600" in cause
    assert render(stage.ports) == 0
    anchored(1, stage.objects)  # corrected
    stage.later(timedelta(hours=1))
    assert render(stage.ports) == 1
    assert len(stage.announced()) == 2


def test_two_replicas_share_the_work_and_render_each_once(stage: Stage) -> None:
    stage.note_anchored(*(anchored(number, stage.objects) for number in range(1, 61)))
    threads = [Thread(target=lambda: [render(stage.ports) for _ in range(6)]) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(stage.states().values()) == {"done"}
    assert sorted(event.assertion_id for event in stage.announced()) == sorted(stage.states())
    assert len(stage.objects.puts) == 120
