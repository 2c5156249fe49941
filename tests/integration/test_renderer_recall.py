"""A renderer whose database is restored to before PDFs that it announced.

Tests services/renderer: store, handlers.
"""

from __future__ import annotations

from datetime import timedelta

import pytest

from services.renderer.app import build
from services.renderer.handlers import note_revoked, render
from tests.worlds.recalled import Backup, announced, back_up, take_back
from tests.worlds.renderer import Stage, anchored, config, revoked

pytest_plugins = ("tests.worlds.renderer_fixtures",)


def restore(stage: Stage, backup: Backup) -> None:
    """Go back to `backup`, and start: own facts are taken back before anything else."""
    facts = announced(stage.store)
    backup.restore()
    process = build(config(stage), stage.ports)
    assert take_back(stage.store, process._recalls, facts) > 0
    once = stage.rows("select * from renderings order by 1")
    with stage.store.transaction() as tx:
        for kind, recall in process._recalls.items():
            recall(tx, [fact.event for fact in (*facts, *facts) if type(fact.event) is kind])
    assert stage.rows("select * from renderings order by 1") == once


@pytest.mark.parametrize("is_known", [True, False], ids=["noted in the backup", "only re-read"])
def test_what_was_rendered_after_the_backup_is_not_rendered_again(stage: Stage, is_known: bool) -> None:
    events = [anchored(number, stage.objects) for number in (1, 2, 3)]
    backup = back_up(stage.store)
    if is_known:
        stage.note_anchored(*events[:2])
        backup = back_up(stage.store)
    else:
        stage.note_anchored(*events[:2])
    assert render(stage.ports) == 2
    pdfs = dict(stage.objects.kept)
    stage.objects.puts.clear()
    restore(stage, backup)
    stage.note_anchored(*reversed(events))
    stage.later(timedelta(days=1))
    assert render(stage.ports) == 1  # the third, which nobody had rendered
    assert set(stage.states().values()) == {"done"}
    assert [event.assertion_id for event in stage.announced()] == [events[2].assertion_id]
    assert {key: stage.objects.kept[key] for key in pdfs} == pdfs
    assert len(stage.objects.puts) == 2
    assert stage.rows("select count(*) from renderings where rendered_at is null") == [(0,)]


def test_what_failed_or_was_skipped_in_the_backup_and_was_rendered_since_is_done(stage: Stage) -> None:
    bad = anchored(1, stage.objects, family_name="髙😀")
    stage.note_anchored(bad)
    render(stage.ports)
    backup = back_up(stage.store)
    anchored(1, stage.objects)  # corrected
    stage.later(timedelta(hours=1))
    assert render(stage.ports) == 1
    restore(stage, backup)
    assert stage.rows("select state, last_error from renderings") == [("done", None)]
    assert render(stage.ports) == 0


def test_what_was_revoked_after_it_was_rendered_is_rendered_whichever_event_comes_first(stage: Stage) -> None:
    event = anchored(1, stage.objects)
    backup = back_up(stage.store)
    stage.note_anchored(event)
    assert render(stage.ports) == 1
    note_revoked([revoked(event.assertion_id)], stage.ports)
    restore(stage, backup)
    note_revoked([revoked(event.assertion_id)], stage.ports)
    stage.note_anchored(event)
    stage.later(timedelta(days=1))
    assert render(stage.ports) == 0
    assert stage.states() == {event.assertion_id: "done"}
    assert stage.announced() == []
