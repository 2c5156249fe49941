"""What registration answers when its database can't work, and to JSON that is nested too deeply."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace

import httpx
import psycopg
import pytest

from services.registration import handlers
from services.registration.store import RegistrationTransaction, Store
from services.registration.web.intake import intake_site
from shared.errors import Unreadable
from shared.runtime.batches import RawMessage
from tests.worlds.http_server import serving
from tests.worlds.registration import KEY, RegistrationWorld, as_json, record, registration_database, world_at

LIMIT = 8 * 2**20


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    with registration_database() as url:
        yield url


@pytest.fixture
def world(database: str) -> Iterator[RegistrationWorld]:
    with world_at(database) as world:
        yield world


def served(world: RegistrationWorld) -> Iterator[httpx.Client]:
    app = intake_site(world.ports, KEY, LIMIT, lambda: world.woken.append(world.clock.now))
    with serving(app) as url, httpx.Client(base_url=url, trust_env=False, timeout=60) as client:
        client.headers["Authorization"] = f"Bearer {KEY.decode()}"
        yield client


@pytest.fixture
def site(world: RegistrationWorld) -> Iterator[httpx.Client]:
    yield from served(world)


def row(number: int) -> bytes:
    return json.dumps(as_json(record(number)), ensure_ascii=False).encode()


# ── the database can't work ────────────────────────────────────────────────────────────────────────────


@pytest.fixture(params=["away", "read-only", "without its tables"])
def broken(request: pytest.FixtureRequest, database: str, world: RegistrationWorld) -> Iterator[httpx.Client]:
    """The site on a database that was stopped, is a standby, or is being restored."""
    url = {
        "away": "postgresql://postgres@127.0.0.1:9/nothing",
        "read-only": f"{database}&options=-c%20default_transaction_read_only%3Don",
        "without its tables": f"{database}&options=-c%20search_path%3Dnowhere",
    }[request.param]
    store: Store = Store(url, "registration", RegistrationTransaction, world.clock)
    yield from served(replace(world, ports=replace(world.ports, store=store)))
    store.close()


Ask = Callable[[httpx.Client], httpx.Response]


@pytest.mark.parametrize(
    "ask",
    [
        lambda site: site.post("/upstream/registrations", content=row(1), headers={"Content-Type": "application/json"}),
        lambda site: site.post("/upstream/registrations", content=b"\xff", headers={"Content-Type": "text/csv"}),
        lambda site: site.get("/api/v1/rejected"),
    ],
    ids=["a delivery", "an unreadable delivery", "the rejected rows"],
)
def test_every_request_is_asked_to_come_again_while_the_database_cannot_work(
    world: RegistrationWorld, broken: httpx.Client, ask: Ask
) -> None:
    response = ask(broken)
    if response.request.method == "GET" and response.status_code == 200:  # a standby can be read
        assert response.json() == {"rejected": []}
        return
    assert (response.status_code, response.headers["Retry-After"]) == (503, "10"), response.text
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert "send it again" in response.json()["error"]
    assert world.rows("select 1 from registrations union all select 1 from rejected") == []
    assert world.woken == []


def test_without_the_key_the_answer_is_401_whatever_the_database_does(broken: httpx.Client) -> None:
    assert broken.get("/api/v1/rejected", headers={"Authorization": "Bearer wrong"}).status_code == 401


def test_after_the_database_is_back_the_same_delivery_is_accepted(world: RegistrationWorld, site: httpx.Client) -> None:
    with world.ports.store.transaction() as tx:
        tx.cursor.execute("alter table registrations rename to away")
    try:
        content = {"Content-Type": "application/json"}
        assert site.post("/upstream/registrations", content=row(1), headers=content).status_code == 503
    finally:
        with world.ports.store.transaction() as tx:
            tx.cursor.execute("alter table away rename to registrations")
    answer = site.post("/upstream/registrations", content=row(1), headers=content)
    assert answer.json()["accepted"] == 1


def test_a_fault_of_one_row_is_no_reason_to_come_again(world: RegistrationWorld) -> None:
    class Fails(RegistrationTransaction):
        def lock(self) -> None:
            raise psycopg.errors.ProgramLimitExceeded("a key that is too long for its index")

    store: Store = Store(world.ports.store.url, "registration", Fails, world.clock)
    for client in served(replace(world, ports=replace(world.ports, store=store))):
        headers = {"Content-Type": "application/json"}
        assert client.post("/upstream/registrations", content=row(1), headers=headers).status_code == 422
    store.close()


# ── JSON that is nested too deeply ─────────────────────────────────────────────────────────────────────

NESTED: dict[str, Callable[[int], bytes]] = {
    "an array": lambda depth: b"[" * depth + b"]" * depth,
    "an object": lambda depth: b'{"a":' * depth + b"1" + b"}" * depth,
    "a field": lambda depth: row(9).replace(b'"gishi"', b"[" * depth + b"]" * depth),
}


@pytest.mark.parametrize("depth", [900, 1_100, 200_000])
@pytest.mark.parametrize("kind", list(NESTED))
@pytest.mark.parametrize("media_type", ["application/json", "application/x-ndjson"])
def test_a_row_that_is_nested_too_deeply_is_rejected_and_the_others_are_accepted(
    world: RegistrationWorld, site: httpx.Client, media_type: str, kind: str, depth: int
) -> None:
    tricky = row(1).replace("骨材".encode(), b'a]\\",[' + b"b")
    rows = [tricky, NESTED[kind](depth), row(2)]
    body = b" [" + b" ,".join(rows) + b"\n]\n" if media_type == "application/json" else b"\n".join(rows)
    response = site.post("/upstream/registrations", content=body, headers={"Content-Type": media_type})
    assert response.status_code == 200, response.text
    assert response.json()["accepted"] == 2
    assert {each["row"] for each in response.json()["rejected"]} == {2}
    stored = world.rows("select registration_id, family_name from registrations order by 1")
    assert stored == [("R1", 'a]",[b'), ("R2", "骨材")]


@pytest.mark.parametrize("kind", list(NESTED))
def test_a_delivery_of_one_row_that_is_nested_too_deeply_is_one_rejected_row(
    world: RegistrationWorld, site: httpx.Client, kind: str
) -> None:
    headers = {"Content-Type": "application/json"}
    response = site.post("/upstream/registrations", content=NESTED[kind](200_000), headers=headers)
    assert response.status_code == 200
    assert (response.json()["accepted"], len(response.json()["rejected"])) == (0, 1)
    assert world.rows("select source, row_number, field from rejected") == [("http", 1, "row")]


@pytest.mark.parametrize("kind", list(NESTED))
def test_a_message_that_is_nested_too_deeply_is_unreadable(world: RegistrationWorld, kind: str) -> None:
    with pytest.raises(Unreadable, match=r"got [0-9]+ bytes"):
        handlers.accept_messages([RawMessage(record_key=None, value=NESTED[kind](200_000))], world.ports)
    assert world.rows("select 1 from registrations") == []
