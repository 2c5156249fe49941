"""How ops hands a file of registrations to registration: by its HTTP intake, with the key of upstream."""

from __future__ import annotations

from typing import Any, Protocol

import httpx
import msgspec

from shared.errors import TryLater

_SECONDS = 120.0  # a file of 20 000 rows takes ten


class Delivered(msgspec.Struct, frozen=True, kw_only=True):
    """The answer of the intake: numbers of rows, and those that were rejected, came after the issue, or are of people
    who were erased."""

    accepted: int = 0
    unchanged: int = 0
    rejected: tuple[dict[str, Any], ...] = ()
    not_applied: tuple[dict[str, Any], ...] = ()
    erased: tuple[dict[str, Any], ...] = ()

    @property
    def rejected_rows(self) -> int:
        return len({each.get("row") for each in self.rejected})


class Intake(Protocol):
    @property
    def is_there(self) -> bool:
        """Whether files can be handed in at all: the setting UPSTREAM_KEY_FILE."""

    def deliver(self, source: str, content: bytes) -> Delivered:
        """Hand in a CSV of the office; the same file again changes nothing. TryLater without an answer.

        A file that is none has an answer, too: `rejected` says what was expected.
        """


class NoIntake:
    """Where no file can be handed in."""

    is_there = False

    def deliver(self, source: str, content: bytes) -> Delivered:
        raise TryLater("no intake is set: expected REGISTRATION_URL and UPSTREAM_KEY_FILE")


class HttpIntake:
    is_there = True

    def __init__(self, url: str, key: bytes) -> None:
        self._client = httpx.Client(
            base_url=url, timeout=_SECONDS, trust_env=False, headers={"authorization": f"Bearer {key.decode()}"}
        )

    def deliver(self, source: str, content: bytes) -> Delivered:
        try:
            answer = self._client.post(
                "/upstream/registrations",
                params={"source": source},
                content=content,
                headers={"content-type": "text/csv", "accept": "application/json"},
            )
            if answer.status_code not in (200, 400):
                raise TryLater(f"registration answered {answer.status_code}")
            return msgspec.json.decode(answer.content, type=Delivered)
        except (httpx.HTTPError, msgspec.DecodeError) as error:
            raise TryLater(f"registration gave no answer ({type(error).__name__})") from error
