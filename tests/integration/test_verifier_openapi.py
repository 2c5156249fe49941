"""The published description of the API, against the answers that the API gives."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # it brings no types

from deploy.local.loopback import ask
from deploy.local.ports import free_port
from services.verifier.store import VerifierTransaction
from shared.erasure_events import AssertionsErased
from tests.worlds.anvil import anvil
from tests.worlds.postgres import postgres
from tests.worlds.verifier import AT, VerifierWorld, verifier_world


@pytest.fixture(scope="module")
def world() -> Iterator[VerifierWorld]:
    port = free_port()
    with postgres() as databases, anvil() as chain, verifier_world(chain, databases.fresh(), port) as made:
        yield made


def test_every_answer_is_as_described(world: VerifierWorld) -> None:
    described = ask.get(f"{world.url}/api/v1/openapi.json").json()
    assert described["openapi"].startswith("3.1") and described["servers"] == [{"url": world.url}]
    path = described["paths"]["/api/v1/verify"]
    assert set(path) == {"get", "post"}

    def check(method: str, **request: Any) -> tuple[int, Any]:
        answer = ask.request(method, f"{world.url}/api/v1/verify", **request)
        told = path[method.lower()]["responses"][str(answer.status_code)]
        schema = told["content"]["application/json"]["schema"]
        Draft202012Validator({**schema, "components": described["components"]}).validate(answer.json())
        return answer.status_code, answer.json()

    good, other = world.anchor(world.issue(1), world.issue(2))
    waiting = world.issue(3)
    kinds = {
        check("POST", content=json.dumps(document))[1]["verdict"]
        for document in (good, waiting, {**other, "name": "x"}, {"issuer": 1})
    }
    assert kinds == {"valid", "in-progress", "not-valid"}
    id = str(good["id"]).rpartition("/")[2].removesuffix(".json")
    assert check("GET", params={"id": id})[0] == 200
    assert check("GET", params={"id": "A" * 26})[0] == 404
    gone = AssertionsErased(
        decision_id="erase-R1", subject="R1", registration_ids=("R1",), assertion_ids=(id,), erased_at=AT
    )
    world.note(VerifierTransaction.note_erased, gone)
    assert check("GET", params={"id": id})[1]["erased_at"] == "2026-05-11T10:23:00+09:00"
    assert check("POST", content=json.dumps(good))[1]["verdict"] == "revoked"
    assert check("GET")[0] == 422
    assert check("POST", files={"file": ("x.json", json.dumps(good))})[1]["verdict"] == "revoked"
    assert check("POST", params={"url": "http://10.0.0.1/"})[0] == 422
    assert check("POST", content=b"x" * 2_000_000)[0] == 413
    assert check("POST", content=b"x", headers={"content-type": "multipart/form-data"})[0] == 400
