"""Bytes that are no message, on every topic: each becomes a dead letter with its cause, and the stream goes on."""

from __future__ import annotations

from kafka import KafkaProducer

from deploy.local.loopback import ask
from deploy.local.stack import Stack
from shared.topics import TOPICS
from tests.worlds.story import Story, until


def test_poison_on_every_topic_is_put_aside_with_its_cause_and_stops_nobody(stack: Stack) -> None:
    url = f"{stack.urls['ops']}/api/v1/dead-letters"
    before = len(ask.get(url).json())
    producer = KafkaProducer(bootstrap_servers=stack.environment("issuer")["KAFKA_BOOTSTRAP"])
    for topic in TOPICS:
        for poison in (b"\xff\xfe\x00 not json", b'{"specversion": "1.0"', None):
            producer.send(topic.name, key=b"poison", value=poison)
    producer.flush(20)
    producer.close()
    story = Story(stack, "POISON", 10)
    story.feed()
    story.play()
    story.completes()
    letters = until(
        lambda: (found := ask.get(url).json()) and len(found) > before + 10 and found,
        seconds=30,
        what="the dead letters are listed",
    )
    fresh = [letter for letter in letters if letter["state"] == "open"]
    assert {letter["topic"] for letter in fresh} == {topic.name for topic in TOPICS}
    assert all("expected" in letter["cause"] for letter in fresh)
