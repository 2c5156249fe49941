from __future__ import annotations

import importlib
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.local.environment import CHAIN_ID, OFFSETS, Place, own_environment, service_settings
from deploy.local.history import clock_of, cohort_of, latest_cycle
from deploy.local.keys import create_secrets
from deploy.local.parts.chain import NETWORKS
from shared.clock import clock_from, japan_midnight
from shared.errors import RefuseToStart
from shared.topics import SERVICES


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path, 18600)


@pytest.mark.parametrize("service", SERVICES)
def test_each_service_accepts_the_settings_that_the_stack_gives_it(place: Place, service: str) -> None:
    create_secrets(place)
    address = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
    place.networks_file.touch(mode=0o600)
    place.networks_file.write_text(NETWORKS.format(chain_id=CHAIN_ID, url=place.urls["chain"], contract=address))
    read_config = importlib.import_module(f"services.{service}.config").read_config
    assert read_config(service_settings(place, service, cohort="2026", clock=""))


def test_secrets_are_generated_once_and_readable_by_their_owner_only(place: Place) -> None:
    create_secrets(place)
    drawn = {file.name: file.read_bytes() for file in place.secrets.iterdir()}
    create_secrets(place)
    assert {file.name: file.read_bytes() for file in place.secrets.iterdir()} == drawn
    secret = [file for file in place.secrets.iterdir() if file.name != "chain-public.jwk"]
    assert len(secret) == 12
    assert all(file.stat().st_mode & 0o777 == 0o600 for file in secret)


def test_each_port_of_two_stacks_whose_bases_differ_by_fifty_is_used_once() -> None:
    here, beside = Place(Path("/a"), 8600), Place(Path("/b"), 8650)
    ports = [place.port(name) for place in (here, beside) for name in OFFSETS]
    assert len(set(ports)) == len(ports)


@pytest.mark.parametrize("base", ["80", "65530", "many", "８６００", "-1"])
def test_an_impossible_port_base_is_refused_and_named(base: str) -> None:
    with pytest.raises(RefuseToStart, match="AKASHI_PORT_BASE"):
        Place.from_environment({"AKASHI_PORT_BASE": base})


def test_of_the_callers_environment_a_service_gets_only_listed_variables(place: Place) -> None:
    given = own_environment(place, {"PATH": "/bin", "AWS_SECRET_ACCESS_KEY": "s", "KAFKA_BOOTSTRAP": "elsewhere:9092"})
    assert set(given) == {"PATH", "TMPDIR", "AKASHI_HOME", "AKASHI_PORT_BASE"}


def test_each_key_goes_to_the_services_that_need_it_alone(
    place: Place,
) -> None:
    settings = {service: service_settings(place, service, cohort="2026", clock="") for service in SERVICES}
    assert [name for name in SERVICES if "UPSTREAM_KEY_FILE" in settings[name]] == ["registration", "ops"]
    assert [name for name in SERVICES if "OFFICE_KEY_FILE" in settings[name]] == ["registration", "ops"]
    assert [name for name in SERVICES if "OPS_KEY_FILE" in settings[name]] == ["ops"]
    assert [name for name in SERVICES if "CHAIN_KEYSTORE_FILE" in settings[name]] == ["anchor"]
    assert [name for name in SERVICES if "ISSUER_KEY_FILE" in settings[name]] == ["issuer"]


def test_the_clock_goes_on_after_a_restart(place: Place) -> None:
    first = clock_of(place, "2027-04-01T00:00:00+09:00")
    assert clock_of(place, "2027-04-01T00:00:00+09:00") == first
    assert clock_of(place, None) == first
    began = datetime.fromisoformat(first.partition("@")[2])
    shown = clock_from(first)() - datetime.fromisoformat("2027-04-01T00:00:00+09:00")
    assert abs((datetime.now(UTC) - began) - shown).total_seconds() < 5


def test_a_home_refuses_another_clock_than_that_of_its_first_start(place: Place) -> None:
    clock_of(place, None)
    with pytest.raises(RefuseToStart, match="AKASHI_CLOCK"):
        clock_of(place, "2027-04-01T00:00:00+09:00")


@pytest.mark.parametrize("moment", ["tomorrow", "2027-04-01T00:00:00"])
def test_a_clock_that_is_no_moment_is_refused_and_not_stored(place: Place, moment: str) -> None:
    with pytest.raises(RefuseToStart, match="AKASHI_CLOCK"):
        clock_of(place, moment)
    assert not (place.home / "clock").exists()


def test_the_cohort_stays_the_same_after_the_next_april(place: Place) -> None:
    clock_of(place, "2027-03-31T23:59:59+09:00")
    assert cohort_of(place) == "2026"
    (place.home / "clock").write_text("2027-04-01T00:00:01+09:00@2026-01-01T00:00:00+00:00\n")
    assert cohort_of(place) == "2026"


@given(st.datetimes(min_value=datetime(2020, 1, 1), max_value=datetime(2040, 1, 1), timezones=st.just(UTC)))
def test_the_latest_cycle_has_begun_in_japan_and_the_next_has_not(now: datetime) -> None:
    year = latest_cycle(now)
    first = japan_midnight(datetime(year, 4, 1, tzinfo=UTC).date())
    following = japan_midnight(datetime(year + 1, 4, 1, tzinfo=UTC).date())
    assert first <= now < following
