"""Which hosts a request may name, which proxies are believed."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import RefuseToStart
from shared.runtime.access import Access, AllowedHosts, Authority, Proxies, allowed_hosts, authority_of, host_problem
from shared.runtime.settings import Settings, read_access

OWN = allowed_hosts(
    ["https://shoumei.example.jp", "http://localhost:8603"],
    ["intern.example.jp", "old.example.jp:8443", "10.1.0.0/16", "192.0.2.7", "2001:db8::/64"],
)
INSIDE = ("10.1.2.3", 8603)
LOOPBACK = ("127.0.0.1", 8603)


def request(*hosts: str, server: tuple[str, int] = INSIDE, **more: Any) -> dict[str, Any]:
    named = [(b"host", host.encode("latin-1")) for host in hosts]
    return {"type": "http", "scheme": "http", "server": server, "headers": named, **more}


@pytest.mark.parametrize(
    "host",
    [
        "shoumei.example.jp",
        "shoumei.example.jp:443",
        "SHOUMEI.Example.JP",
        "shoumei.example.jp.",
        "localhost:8603",
        "intern.example.jp",
        "intern.example.jp:9999",
        "old.example.jp:8443",
        "10.1.2.3:8603",
        "10.1.255.1",
        "192.0.2.7",
        "[2001:db8::5]:8603",
        "[2001:DB8:0::5]",
    ],
)
def test_configured_hosts_are_allowed_however_they_are_written(host: str) -> None:
    assert host_problem(request(host), OWN) is None


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8603",
        "EVIL.EXAMPLE",
        "evil.example.",
        "shoumei.example.jp.evil.example",
        "evil-shoumei.example.jp",
        "shoumei.example.jp:8603",
        "old.example.jp",
        "old.example.jp:8603",
        "localhost",
        "localhost:9999",
        "localhost.evil.example:8603",
        "127.0.0.1:8603",
        "127.0.0.2:8603",
        "[::1]:8603",
        "10.2.0.1",
        "[2001:db8:0:1::5]",
        "[::ffff:10.9.9.9]:8603",
        "0.0.0.0:8603",
        "2130706433:8603",
        "0x7f.1:8603",
        "127.1:8603",
        "xn--r8jz45g.jp",
    ],
)
def test_every_other_host_is_foreign(host: str) -> None:
    assert host_problem(request(host), OWN) == "foreign-host"


@pytest.mark.parametrize("host", ["localhost:8603", "LOCALHOST.:8603", "127.0.0.1:8603", "[::1]:8603"])
@pytest.mark.parametrize("server", [LOOPBACK, ("::1", 8603), ("::ffff:127.0.0.1", 8603)])
def test_a_loopback_name_is_allowed_where_the_connection_arrived_at_loopback(
    host: str, server: tuple[str, int]
) -> None:
    assert host_problem(request(host, server=server), AllowedHosts()) is None
    assert host_problem(request(host, server=(server[0], 8604)), AllowedHosts()) == "foreign-host"
    assert host_problem(request(host, server=INSIDE), AllowedHosts()) == "foreign-host"


@pytest.mark.parametrize("host", ["localhost.example:8603", "127.0.0.2:8603", "0.0.0.0:8603", "localhost", "[::]:8603"])
def test_no_other_name_of_this_machine_is_a_loopback_name(host: str) -> None:
    assert host_problem(request(host, server=LOOPBACK), AllowedHosts()) == "foreign-host"


@pytest.mark.parametrize(
    "host",
    [
        "",
        " ",
        "user@shoumei.example.jp",
        "shoumei.example.jp@evil.example",
        "user:pass@localhost:8603",
        "http://shoumei.example.jp",
        "shoumei.example.jp/path",
        "shoumei.example.jp,evil.example",
        "shoumei.example.jp evil.example",
        "shoumei.example.jp..",
        ".shoumei.example.jp",
        "shoumei.example.jp:80:80",
        "shoumei.example.jp:443x",
        "shoumei.example.jp:99999",
        "[::1",
        "::1",
        "[fe80::1%25eth0]",
        "[::g]",
        "証明.example.jp".encode().decode("latin-1"),
    ],
)
def test_what_is_no_host_is_a_bad_request(host: str) -> None:
    assert host_problem(request(host), OWN) == "bad-host"


def test_a_request_without_a_host_or_with_two_is_bad() -> None:
    assert host_problem(request(), OWN) == "bad-host"
    assert host_problem(request("shoumei.example.jp", "evil.example"), OWN) == "bad-host"
    assert host_problem(request("shoumei.example.jp", "shoumei.example.jp"), OWN) == "bad-host"


def test_a_forwarded_host_is_never_read() -> None:
    scope = request("evil.example")
    scope["headers"] += [(b"x-forwarded-host", b"shoumei.example.jp"), (b"forwarded", b"host=shoumei.example.jp")]
    assert host_problem(scope, OWN) == "foreign-host"


def test_a_name_in_japanese_letters_is_allowed_as_browsers_send_it() -> None:
    hosts = allowed_hosts(["https://例え.jp"], ["証明.jp"])
    assert host_problem(request("xn--r8jz45g.jp"), hosts) is None
    assert host_problem(request("XN--2HV581F.JP:8080"), hosts) is None


@given(st.from_regex(r"[a-z0-9-]{1,20}(\.[a-z0-9-]{1,20}){0,3}", fullmatch=True), st.none() | st.integers(0, 65535))
def test_a_host_is_read_as_it_is_written_in_any_case_and_with_its_last_dot(name: str, port: int | None) -> None:
    end = "" if port is None else f":{port}"
    for text in (name + end, name.upper() + end, f"{name}.{end}"):
        assert authority_of(text) == Authority(name, port)


@given(st.text(max_size=30))
def test_every_text_is_a_host_or_refused(text: str) -> None:
    try:
        authority = authority_of(text)
    except ValueError:
        return
    assert authority.host.isascii() and "@" not in text and "/" not in text


def test_no_forwarding_header_means_anything_while_no_proxy_is_trusted() -> None:
    for peer in ("127.0.0.1", "::1", "10.0.0.9"):
        scope = request("h", client=(peer, 1))
        scope["headers"] += [(b"x-forwarded-for", b"192.0.2.1"), (b"x-forwarded-proto", b"https")]
        assert Proxies(()).client(scope) == peer
        assert Proxies(()).scheme(scope) == "http"


@pytest.mark.parametrize(
    ("given_", "client"),
    [
        (["192.0.2.1"], "192.0.2.1"),
        (["6.6.6.6, 192.0.2.1"], "192.0.2.1"),
        (["6.6.6.6", "192.0.2.1"], "192.0.2.1"),
        (["6.6.6.6, 192.0.2.1, 10.0.0.8"], "192.0.2.1"),
        (["6.6.6.6, 192.0.2.1", "10.0.0.8,10.0.0.7"], "192.0.2.1"),
        ([], "10.0.0.9"),
    ],
)
def test_the_client_is_the_last_address_that_no_proxy_of_ours_has(given_: list[str], client: str) -> None:
    proxies = Proxies(["10.0.0.0/24"])
    scope = request("h", client=("10.0.0.9", 1))
    scope["headers"] += [(b"x-forwarded-for", line.encode()) for line in given_]
    assert proxies.client(scope) == client
    assert proxies.client({**scope, "client": ("192.0.2.99", 1)}) == "192.0.2.99"


def test_a_proxy_is_trusted_however_its_address_is_written() -> None:
    scope = request("h", client=("::ffff:10.0.0.9", 1))
    scope["headers"].append((b"x-forwarded-for", b"192.0.2.1"))
    assert Proxies(["10.0.0.9"]).client(scope) == "192.0.2.1"


def test_https_is_believed_of_a_trusted_proxy_only() -> None:
    scope = request("h", client=("10.0.0.9", 1))
    scope["headers"].append((b"x-forwarded-proto", b"https"))
    assert Proxies(["10.0.0.9"]).scheme(scope) == "https"
    assert Proxies(["10.0.0.8"]).scheme(scope) == "http"
    assert Proxies(["10.0.0.9"]).scheme({**scope, "headers": [(b"x-forwarded-proto", b"javascript")]}) == "http"


def test_the_settings_name_hosts_proxies_and_the_number_of_connections() -> None:
    assert read_access(Settings({}), "OPS_URL") == Access()
    access = read_access(
        Settings(
            {
                "OPS_URL": "https://ops.example.jp/",
                "ALLOWED_HOSTS": "ops.intern:8604, 10.0.0.0/8",
                "TRUSTED_PROXIES": "10.0.0.1, 2001:db8::/48",
                "MOST_CONNECTIONS": "50",
            }
        ),
        "OPS_URL",
    )
    for host in ("ops.example.jp", "ops.intern:8604", "10.3.2.1:8604"):
        assert host_problem(request(host), access.hosts) is None
    assert (access.proxies, access.most_connections) == (("10.0.0.1/32", "2001:db8::/48"), 50)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ALLOWED_HOSTS", "https://ops.example.jp"),
        ("ALLOWED_HOSTS", "ops.example.jp,*"),
        ("ALLOWED_HOSTS", "10.0.0.1/8"),
        ("TRUSTED_PROXIES", "proxy.example.jp"),
        ("TRUSTED_PROXIES", "*"),
        ("MOST_CONNECTIONS", "0"),
    ],
)
def test_an_impossible_setting_is_refused_and_named(name: str, value: str) -> None:
    with pytest.raises(RefuseToStart, match=name):
        read_access(Settings({name: value}), None)
