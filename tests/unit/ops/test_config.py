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


def test_the_commands_find_ops_by_its_url_or_by_the_port_base() -> None:
    assert ops_url({}) == "http://127.0.0.1:8604"
    assert ops_url({"AKASHI_PORT_BASE": "9100"}) == "http://127.0.0.1:9104"
    assert ops_url({"AKASHI_PORT_BASE": "9100", "OPS_URL": "https://ops.example.jp/"}) == "https://ops.example.jp"
