"""What the renderer can't print: announced with its reason, once while the reason stays, and over when it prints."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from services.registration.domain.record import read_record
from services.registration.domain.spelling import missing_characters
from services.renderer.app import build
from services.renderer.handlers import render, try_failed
from services.renderer.store import RendererTransaction
from shared import object_keys
from shared.events import Award, CertificateRendered, Holder, RenderingFailed
from shared.soundness import PRINTED
from tests.worlds.credentials import assertion
from tests.worlds.recalled import announced, back_up, take_back
from tests.worlds.records import fields, rules
from tests.worlds.renderer import Stage, anchored, config

pytest_plugins = ("tests.worlds.renderer_fixtures",)

TEXTS = (*(name for name, value in fields().items() if isinstance(value, str)), "family_name_latin")
"""Every text field of a record."""
SIGNED = (*Award.__struct_fields__, *Holder.__struct_fields__)


def reasons(stage: Stage) -> list[tuple[str, str | None, tuple[str, ...]]]:
    return [(event.reason, event.field, event.characters) for event in stage.failures()]


@pytest.mark.parametrize("character", ["\U0001f600", "\ue000", "ก"])
def test_what_the_fonts_lack_intake_refuses_or_holds_and_the_renderer_names_on_the_same_field(
    stage: Stage, character: str
) -> None:
    number = 0
    for name in TEXTS:
        text = f"{fields()[name] or 'A'}{character}"
        read = read_record(fields(**{name: text}), rules())
        if isinstance(read, list):
            refused = [problem.field for problem in read]
        else:  # a name is kept, and held until its spelling is agreed
            refused = list(missing_characters(read, rules().missing_glyphs))
        if name not in SIGNED or (refused and name not in PRINTED):
            continue  # in no event: it is a private field, or intake has another reason to refuse it
        number += 1
        stage.note_anchored(anchored(number, stage.objects, **{name: text}))
        render(stage.ports)
        if name in PRINTED:
            assert refused == [name]
            assert reasons(stage)[-1] == ("no-glyph", name, (f"U+{ord(character):04X}",))
    assert len(stage.failures()) == len(PRINTED)
    assert stage.rows("select count(*) from renderings where state = 'done'") == [(number - len(PRINTED),)]
    assert not any(character in str(event) or "髙橋" in str(event) for event in stage.failures())


def test_a_failure_is_announced_once_while_its_reason_stays_and_is_over_when_it_prints(stage: Stage) -> None:
    bad = anchored(1, stage.objects, pass_number="25-😀")
    stage.note_anchored(bad)
    for _ in range(3):
        render(stage.ports)
        stage.later(timedelta(hours=1))
    assert [(type(event), event.id) for event in stage.events()] == [(RenderingFailed, stage.failures()[0].id)]
    anchored(1, stage.objects, pass_number="25-😀", family_name="髙\ue000")
    render(stage.ports)
    stage.later(timedelta(hours=1))
    anchored(1, stage.objects, pass_number="25-😀")
    render(stage.ports)
    stage.later(timedelta(hours=1))
    assert [(event.revision, event.field) for event in stage.failures()] == [
        (1, "pass_number"),
        (2, "family_name"),
        (3, "pass_number"),
    ]
    anchored(1, stage.objects)
    assert render(stage.ports) == 1
    assert type(stage.events()[-1]) is CertificateRendered
    assert stage.rows("select state, failure_reason, last_error from renderings") == [("done", None, None)]


def test_a_name_with_a_space_of_its_own_is_named_as_a_whole(stage: Stage) -> None:
    stage.note_anchored(anchored(1, stage.objects, family_name="Van Dyck", given_name="Anton😀"))
    render(stage.ports)
    assert reasons(stage) == [("no-glyph", "name", ("U+1F600",))]


def test_each_other_reason_has_its_word_and_what_is_at_fault(stage: Stage) -> None:
    events = [anchored(number, stage.objects, edition="2026-2" if number == 3 else None) for number in range(1, 5)]
    keys = [object_keys.credential(event.assertion_id) for event in events]
    document = msgspec.json.decode(stage.objects.kept[keys[1]])
    image = document["credentialSubject"]["achievement"]["image"]
    image["id"] = image["id"].replace("/badges/", "/badges/x-")
    stage.objects.kept[keys[1]] = msgspec.json.encode(document)
    stage.objects.kept[keys[0]] = b"{"
    for form in ("svg", "png"):
        stage.objects.kept[object_keys.badge_file("gishi", "2026-2", form)] = b"no picture"
    stage.note_anchored(*events[:3])
    render(stage.ports)
    assert {(event.assertion_id, event.reason, event.field) for event in stage.failures()} == {
        (events[0].assertion_id, "unreadable-object", "credential"),
        (events[1].assertion_id, "unknown-qualification", "qualification"),
        (events[2].assertion_id, "unreadable-object", "picture"),
    }

    class Broken:
        knows = stage.ports.press.knows

        def print(self, *_: Any) -> Any:
            raise OverflowError("a bug")

    stage.note_anchored(events[3])
    render(replace(stage.ports, press=Broken()))  # type: ignore[arg-type]  # a press that fails
    assert reasons(stage)[-1] == ("layout", None, ())
    assert stage.rows("select count(*) from renderings where state = 'failed'") == [(4,)]


def test_a_missing_object_is_waited_for_then_named_and_printed_once_it_is_back(stage: Stage) -> None:
    lost = anchored(1)
    stage.note_anchored(lost)
    for _ in range(2):
        render(stage.ports)
        stage.later(timedelta(minutes=5))
    assert stage.failures() == []
    for _ in range(3):
        render(stage.ports)
        stage.later(timedelta(minutes=5))
    assert reasons(stage) == [("missing-object", "credential", ())]
    anchored(1, stage.objects)
    assert render(stage.ports) == 1
    assert len(stage.announced()) == 1


def test_what_failed_is_tried_again_at_a_start(stage: Stage) -> None:
    stage.note_anchored(anchored(1, stage.objects, pass_number="25-😀"))
    render(stage.ports)
    anchored(1, stage.objects)
    assert render(stage.ports) == 0
    try_failed(stage.ports)
    assert render(stage.ports) == 1


def test_after_a_restore_a_failure_is_not_announced_again_and_another_one_follows_it(stage: Stage) -> None:
    event = anchored(1, stage.objects, pass_number="25-😀")
    backup = back_up(stage.store)
    stage.note_anchored(event)
    render(stage.ports)
    facts = announced(stage.store)
    backup.restore()
    process = build(config(stage), stage.ports)
    assert take_back(stage.store, process._recalls, facts) == 1
    with stage.store.transaction() as tx:
        RendererTransaction.take_back_failed(tx, [facts[0].event, facts[0].event])  # type: ignore[list-item]  # as announced
    stage.note_anchored(event)
    assert render(stage.ports) == 1
    assert stage.events() == []
    anchored(1, stage.objects, given_name="😀")
    stage.later(timedelta(hours=1))
    render(stage.ports)
    assert [(failure.revision, failure.field) for failure in stage.failures()] == [(2, "given_name")]
    assert stage.failures()[0].assertion_id == assertion(1).assertion_id
