from __future__ import annotations

import threading

import pytest

from services.ops.sources.health import HealthMeter

URLS = {"issuer": ("http://issuer/metrics",), "mailer": ("http://mailer/1", "http://mailer/2")}
PAGES = {
    "http://issuer/metrics": "akashi_outbox_rows 3.0\n",
    "http://mailer/1": "akashi_outbox_rows 1.0\n",
    "http://mailer/2": "akashi_outbox_rows 4.0\n",
}


class Seconds:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_before_the_first_reading_every_service_is_unknown() -> None:
    found = HealthMeter(URLS).latest()
    assert {service: health.unknown for service, health in found.items()} == dict.fromkeys(URLS, "not read yet")


def test_every_endpoint_is_read_and_replicas_are_one_service() -> None:
    meter = HealthMeter(URLS, read=PAGES.__getitem__)
    meter.measure()
    assert {service: health.outbox_rows for service, health in meter.latest().items()} == {"issuer": 3, "mailer": 4}


@pytest.mark.parametrize("page", ["<html>", 'akashi_x{topic="', "akashi_outbox_rows\n", "a b c d e f"])
def test_a_page_that_has_no_metrics_makes_the_service_unknown(page: str) -> None:
    meter = HealthMeter(URLS, read=lambda url: page if "issuer" in url else PAGES[url])
    meter.measure()
    found = meter.latest()
    assert found["issuer"].unknown and found["mailer"].unknown is None


def test_a_service_that_is_away_is_unknown_with_the_reason() -> None:
    def read(url: str) -> str:
        raise OSError("no answer")

    meter = HealthMeter({"issuer": ("http://issuer/metrics",)}, read=read)
    meter.measure()
    assert meter.latest()["issuer"].unknown == "OSError: no answer"


def test_the_real_client_says_that_nobody_listens() -> None:
    meter = HealthMeter({"issuer": ("http://127.0.0.1:9/metrics",)})
    meter.measure()
    assert meter.latest()["issuer"].unknown == "OSError: ConnectError: no answer of /metrics"


def test_old_figures_are_unknown() -> None:
    seconds = Seconds()
    meter = HealthMeter(URLS, read=PAGES.__getitem__, seconds=seconds)
    meter.measure()
    seconds.now += 31
    assert meter.latest()["issuer"].unknown == "last read 31 s ago"


def test_a_page_is_not_kept_waiting_by_a_service_that_hangs() -> None:
    began, ended = threading.Event(), threading.Event()

    def read(url: str) -> str:
        began.set()
        ended.wait(10)
        return ""

    meter = HealthMeter(URLS, read=read)
    reading = threading.Thread(target=meter.measure)
    reading.start()
    assert began.wait(10)
    assert meter.latest()["issuer"].unknown == "not read yet"
    ended.set()
    reading.join(10)
