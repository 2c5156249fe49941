from __future__ import annotations

from datetime import date

import pytest

from shared.chain.networks import active, parse_networks

SEPOLIA = """
[sepolia]
name = { ja = "Sepolia テストネット", en = "Sepolia test network" }
chain_id = 11155111
rpc_urls = ["https://one.example/v3/KEY-ABC", "https://two.example", "https://three.example"]
contract = "0xABcdefabcdefabcdefabcdefabcdefabcdefabcd"
ends_on = 2026-09-30
explorer = "https://sepolia.example/tx/{transaction}"
"""
OTHER = """
[local-2]
name = { ja = "二", en = "two" }
chain_id = 31338
rpc_urls = ["http://127.0.0.1:1"]
contract = "0x1212121212121212121212121212121212121212"
retired = true
"""
BOTH = f'networks = ["sepolia", "local-2"]\n{SEPOLIA}{OTHER}'


def test_the_order_of_the_file_is_the_order_of_the_networks() -> None:
    first, second = parse_networks(BOTH)
    assert (first.id, first.contract, first.ends_on) == ("sepolia", "0x" + "abcdef" * 6 + "abcd", date(2026, 9, 30))
    assert (first.agreement, second.agreement) == (2, 1)
    assert active((first, second)) == (first,)


def test_nodes_for_everybody_are_named_apart_from_those_with_keys() -> None:
    text = BOTH.replace("contract = ", 'public_rpc_urls = ["https://open.example"]\ncontract = ', 1)
    first, second = parse_networks(text)
    assert (first.public_rpc_urls, second.public_rpc_urls) == (("https://open.example",), ())
    with pytest.raises(ValueError, match=r"sepolia\.public_rpc_urls: number 1 is no"):
        parse_networks(text.replace("https://open", "ftp://open"))


def test_a_badge_outlives_a_network_when_it_is_valid_after_the_day_before_its_end() -> None:
    first, second = parse_networks(BOTH)
    assert date(2030, 3, 31) > first.last_day
    assert date(2026, 9, 30) > first.last_day
    assert not date(2026, 9, 29) > first.last_day
    assert not date(2030, 3, 31) > second.last_day


@pytest.mark.parametrize(
    ("change", "by", "named"),
    [
        ('networks = ["sepolia", "local-2"]', "networks = []", "networks"),
        ('networks = ["sepolia", "local-2"]', 'networks = ["sepolia", "sepolia"]', "networks"),
        ('networks = ["sepolia", "local-2"]', 'networks = ["sepolia"]', "local-2"),
        ('networks = ["sepolia", "local-2"]', 'networks = ["sepolia", "local-2", "moon"]', "moon"),
        ('networks = ["sepolia", "local-2"]', 'networks = ["sepolia", "../x"]', "networks"),
        ("chain_id = 11155111", "chain_id = 1", r"sepolia\.chain_id: got 1, expected 11155111"),
        ("chain_id = 31338", 'chain_id = "x"', r"local-2: .*chain_id"),
        ('["http://127.0.0.1:1"]', "[]", r"local-2\.rpc_urls"),
        ('"http://127.0.0.1:1"', '"ftp://SECRET"', r"local-2\.rpc_urls: number 1"),
        ('"https://two.example"', '"https://three.example"', r"sepolia\.rpc_urls"),
        ("0x1212", "0x12", r"local-2\.contract"),
        ("retired = true", "agreement = 2", r"local-2\.agreement: got 2, expected 1 to 1"),
        ("retired = true", "max_fee_gwei = 0", r"local-2\.max_fee_gwei"),
        ("retired = true", 'explorer = "https://x"', r"local-2\.explorer"),
        ("retired = true", "retierd = true", r"local-2: .*retierd"),
        ("retired = true", "retired = ", "no TOML"),
    ],
)
def test_a_wrong_field_is_named_and_no_url_is_shown(change: str, by: str, named: str) -> None:
    assert change in BOTH
    with pytest.raises(ValueError, match=named) as refused:
        parse_networks(BOTH.replace(change, by))
    assert "SECRET" not in str(refused.value)


def test_the_repr_shows_no_api_key() -> None:
    assert "KEY-ABC" not in repr(parse_networks(BOTH))
