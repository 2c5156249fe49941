"""What ops asks registration about people: what no event holds. Without an answer the board answers all the same."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol, TypeVar
from urllib.parse import quote

import httpx
import msgspec

from services.ops.board.timeline import Change
from services.ops.metrics import ASKED
from shared.office_answers import ChangeAnswer, ChangesQuestion, FoundAnswer, PersonAnswer
from shared.runtime.log import logger

SECONDS = 2.0
"""How long an answer is waited for."""

T = TypeVar("T")


class Registration(Protocol):
    """None: no answer now."""

    def find(self, parts: Sequence[str], address: str, seen: Sequence[str] | None) -> list[str] | None: ...

    def person(self, registration_id: str) -> PersonAnswer | None: ...

    def changes(self, decision_ids: Iterable[str]) -> Mapping[str, list[Change]] | None:
        """By decision_id, what these orders changed."""


class NoRegistration:
    """Where no registration can be asked."""

    def find(self, parts: Sequence[str], address: str, seen: Sequence[str] | None) -> list[str] | None:
        return None

    def person(self, registration_id: str) -> PersonAnswer | None:
        return None

    def changes(self, decision_ids: Iterable[str]) -> Mapping[str, list[Change]] | None:
        return None


class RegistrationApi:
    """Registration over HTTP. An answer that does not come in time, or can't be read, is none."""

    def __init__(self, url: str, key: bytes) -> None:
        self._client = httpx.Client(
            base_url=url, timeout=SECONDS, trust_env=False, headers={"authorization": f"Bearer {key.decode()}"}
        )
        self._log = logger("ops")

    def find(self, parts: Sequence[str], address: str, seen: Sequence[str] | None) -> list[str] | None:
        asked = {"part": list(parts), "address": address, "qualification": list(seen or ())}
        answer = self._ask(FoundAnswer, "GET", "/api/v1/office/people", params=asked)
        return None if answer is None else list(answer.registration_ids)

    def person(self, registration_id: str) -> PersonAnswer | None:
        return self._ask(PersonAnswer, "GET", f"/api/v1/office/people/{quote(registration_id, safe='')}")

    def changes(self, decision_ids: Iterable[str]) -> Mapping[str, list[Change]] | None:
        asked = msgspec.json.encode(ChangesQuestion(decision_ids=tuple(decision_ids)))
        answer = self._ask(list[ChangeAnswer], "POST", "/api/v1/office/changes", content=asked)
        if answer is None:
            return None
        found: dict[str, list[Change]] = {}
        for each in answer:
            found.setdefault(each.decision_id, []).append(Change(each.field, each.old, each.new))
        return found

    def _ask(self, shape: type[T], method: str, path: str, **request: Any) -> T | None:
        try:
            answer = self._client.request(method, path, **request)
            if answer.status_code == 200:
                ASKED.labels("answered").inc()
                return msgspec.json.decode(answer.content, type=shape)
            cause = str(answer.status_code)
        except (httpx.HTTPError, msgspec.DecodeError) as error:
            cause = type(error).__name__
        ASKED.labels("unanswered").inc()
        self._log.warning("failed", part="registration", cause=cause)
        return None
