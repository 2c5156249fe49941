from __future__ import annotations

import base64
import json

from hypothesis import given
from hypothesis import strategies as st

from services.ops.acts.dead_letters import dead_letter_of
from tests.worlds.cohorts import NOON

ID = "7d1f0d62-4a7e-5a43-9a2b-0f7b1c1d2e3f"
RECORD = {
    "id": ID,
    "topic": "assertion.issued",
    "partition": 2,
    "offset": 17,
    "key": base64.b64encode(b"k").decode(),
    "value": base64.b64encode(b"\x00\xffpoison").decode(),
    "consumer": "mailer",
    "cause": "Unreadable: got \0",
    "at": "2026-04-01T03:00:00Z",
}


def test_a_dead_letter_has_the_bytes_of_the_message_unchanged() -> None:
    found = dead_letter_of(json.dumps(RECORD).encode(), topic="assertion.issued", id="other", now=NOON)
    assert (found.dead_letter_id, found.key, found.value) == (ID, b"k", b"\x00\xffpoison")
    assert "\0" not in found.cause


@given(st.binary(max_size=60))
def test_unreadable_bytes_on_a_dead_letter_topic_are_kept_as_a_dead_letter(value: bytes) -> None:
    found = dead_letter_of(value, topic="badge.received", id="own", now=NOON)
    assert (found.dead_letter_id, found.topic, found.value) == ("own", "badge.received", value)


def test_a_record_whose_bytes_are_no_base64_is_kept_as_it_came() -> None:
    record = json.dumps(RECORD | {"value": "%%%"}).encode()
    found = dead_letter_of(record, topic="badge.received", id="own", now=NOON)
    assert (found.dead_letter_id, found.value) == ("own", record)
