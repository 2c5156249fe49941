"""A stranger who asks for one revoked badge again and again, whatever happens to the services meanwhile."""

from __future__ import annotations

import json
import threading

import httpx

from deploy.local.stack import Stack
from shared.credentials.status_list import decoded, is_set
from shared.errors import TryLater
from shared.runtime.objects import Objects
from shared.runtime.settings import Settings, read_object_storage
from tests.worlds.office import VALID

_QUICK_ROUNDS = 100
"""After the last round in which something was away or said so: what is published late is published then."""


class Watch(threading.Thread):
    """Asks for one badge again and again, as a stranger would, and notes each answer that calls it valid.

    It reads the status list in object storage too, which is there before any service has started. While something is
    away, and in the first rounds after it is back, it asks fifty times a second, then five times.
    """

    def __init__(self, stack: Stack, assertion_id: str, status: tuple[int, int]) -> None:
        """`status`: number of the status list, and bit."""
        super().__init__(daemon=True)
        self._stack, self._id, self._status = stack, assertion_id, status
        self._over = threading.Event()
        self.pages = self.lists = 0
        self.wrong: list[str] = []

    def run(self) -> None:
        number, index = self._status
        objects = objects_of(self._stack)
        public = self._stack.urls["verifier"]
        with httpx.Client(timeout=5, trust_env=False, headers={"accept-language": "ja"}) as stranger:
            quick = _QUICK_ROUNDS
            while not self._over.wait(0.02 if quick else 0.2):
                left, quick = max(quick - 1, 0), _QUICK_ROUNDS
                try:
                    if not is_revoked_in(objects.get(f"status/{number}.json"), index):
                        self.wrong.append("the stored status list has the bit cleared")
                except TryLater:
                    continue  # the storage is not up
                try:
                    shown = stranger.get(f"{public}/V/{self._id}")
                    listed = stranger.get(f"{public}/status/{number}.json")
                except httpx.HTTPError:
                    continue  # it is not up
                if shown.status_code == 200:
                    self.pages += 1
                    if VALID in shown.text.replace("<wbr>", ""):
                        self.wrong.append(f"page {self.pages} says valid")
                if listed.status_code == 200:
                    self.lists += 1
                    if not is_revoked_in(listed.content, index):
                        self.wrong.append(f"status list {self.lists} has the bit cleared")
                if shown.status_code == listed.status_code == 200:
                    quick = left

    def end(self) -> None:
        self._over.set()
        self.join(20)

    def saw_it_revoked(self) -> None:
        """There were answers, and none of them called the badge valid."""
        assert self.pages and self.lists
        assert not self.wrong, f"{len(self.wrong)} answers, the first: {self.wrong[0]}"


def objects_of(stack: Stack) -> Objects:
    return Objects(read_object_storage(Settings(stack.environment("issuer"))))


def is_revoked_in(status_list: bytes, index: int) -> bool:
    return is_set(decoded(json.loads(status_list)["credentialSubject"]["encodedList"]), index)
