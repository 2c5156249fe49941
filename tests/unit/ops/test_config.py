from __future__ import annotations

from pathlib import Path

import pytest

from services.ops.config import Links, board_of, read_config
from shared.errors import RefuseToStart
from tests.worlds.ops_site import KEY, good_settings

GOOD = good_settings()


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
    assert board_of({}).url == "http://127.0.0.1:8604"
    assert board_of({"AKASHI_PORT_BASE": "9100"}).url == "http://127.0.0.1:9104"
    assert board_of({"AKASHI_PORT_BASE": "9100", "OPS_URL": "https://ops.example.jp/"}).url == "https://ops.example.jp"


def test_the_commands_have_the_key_of_its_file_or_none(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(f"{KEY}\n")
    assert board_of({"OPS_KEY_FILE": str(tmp_path / "key")}).key == KEY
    assert board_of({"AKASHI_HOME": str(tmp_path)}).key == ""


def test_the_key_of_the_api_is_read_and_a_short_one_refused_by_name(tmp_path: Path) -> None:
    assert read_config(GOOD).api_key == KEY.encode() and read_config(GOOD).office_key is None
    (tmp_path / "short").write_text("short")
    for name in ("OPS_KEY_FILE", "OFFICE_KEY_FILE"):
        with pytest.raises(RefuseToStart, match=name):
            read_config({**GOOD, name: str(tmp_path / "short")})


@pytest.mark.parametrize(("given", "partitions"), [("", 4), ("1", 1), ("3", 3), ("200", 200)])
def test_a_rehearsal_looks_for_as_many_partitions_as_the_topics_are_made_with(given: str, partitions: int) -> None:
    assert read_config({**GOOD, "TOPIC_PARTITIONS": given}).partitions == partitions


@pytest.mark.parametrize("wrong", ["0", "201", "four"])
def test_an_impossible_number_of_partitions_is_refused(wrong: str) -> None:
    with pytest.raises(RefuseToStart, match="TOPIC_PARTITIONS"):
        read_config({**GOOD, "TOPIC_PARTITIONS": wrong})
