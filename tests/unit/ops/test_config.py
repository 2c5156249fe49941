from __future__ import annotations

import pytest

from services.ops.config import Links, ops_url, read_config
from shared.errors import RefuseToStart

GOOD = {
    "DATABASE_URL": "postgresql://ops@127.0.0.1:1/akashi",
    "KAFKA_BOOTSTRAP": "127.0.0.1:2",
    "PROGRAMME_FILE": "deploy/programmes/jci.toml",
    "WEB_PORT": "8604",
}


def test_links_that_are_not_set_are_left_out() -> None:
    config = read_config({**GOOD, "INBOX_URL": "http://127.0.0.1:8605/"})
    assert config.links == Links(registration=None, verifier=None, inbox="http://127.0.0.1:8605")


@pytest.mark.parametrize("name", GOOD)
def test_a_missing_setting_is_refused_by_name(name: str) -> None:
    with pytest.raises(RefuseToStart, match=name):
        read_config({key: value for key, value in GOOD.items() if key != name})


def test_a_link_that_is_no_url_is_refused_by_name() -> None:
    with pytest.raises(RefuseToStart, match="INBOX_URL"):
        read_config({**GOOD, "INBOX_URL": "inbox"})


def test_the_metrics_of_a_service_may_be_at_several_urls() -> None:
    urls = "issuer=http://a:1/metrics, mailer=http://b:2/metrics,issuer=http://c:3/metrics"
    assert read_config({**GOOD, "METRICS_URLS": urls}).metrics_urls == {
        "issuer": ("http://a:1/metrics", "http://c:3/metrics"),
        "mailer": ("http://b:2/metrics",),
    }
    assert read_config(GOOD).metrics_urls == {}


@pytest.mark.parametrize("urls", ["http://a:1/metrics", "nobody=http://a:1/metrics", "issuer=a:1", "issuer"])
def test_metrics_of_an_unknown_service_or_without_a_url_are_refused_by_name(urls: str) -> None:
    with pytest.raises(RefuseToStart, match="METRICS_URLS"):
        read_config({**GOOD, "METRICS_URLS": urls})


def test_the_commands_find_ops_by_its_url_or_by_the_port_base() -> None:
    assert ops_url({}) == "http://127.0.0.1:8604"
    assert ops_url({"AKASHI_PORT_BASE": "9100"}) == "http://127.0.0.1:9104"
    assert ops_url({"AKASHI_PORT_BASE": "9100", "OPS_URL": "https://ops.example.jp/"}) == "https://ops.example.jp"
