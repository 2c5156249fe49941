"""The SQL of the comparison with object storage: what should be there, locked where it is made again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec

from services.issuer.domain.publication import PublishedObject
from services.issuer.store.recalled import RecallTransaction
from shared.events import AssertionIssued

_announcements = msgspec.json.Decoder(AssertionIssued)


@dataclass(frozen=True)
class StoredCredential:
    """A credential that is in storage. `credential` None: known from our own announcement only, after a restore."""

    assertion_id: str
    leaf: str
    credential: bytes | None
    announcement: AssertionIssued


@dataclass(frozen=True)
class KeptObject:
    """An object of a document as it was published last."""

    key: str
    name: str
    content_type: str
    body: bytes


_CREDENTIAL = (
    "select assertion_id, leaf, credential, announcement from assertions where state = 'stored' and erased_at is null"
)
_KEPT = "select key, name, content_type, body from published_objects"


class InventoryTransaction(RecallTransaction):
    # ── credentials ────────────────────────────────────────────────────────────────────────────────────

    def stored_credentials(self, after: str, limit: int) -> list[StoredCredential]:
        return self.fetch_all(
            _stored_credential, f"{_CREDENTIAL} and assertion_id > %s order by assertion_id limit %s", (after, limit)
        )

    def lock_stored(self, assertion_id: str) -> StoredCredential | None:
        """The credential, if it is stored, locked: `store` puts it while it holds the same lock."""
        return self.fetch_one(_stored_credential, f"{_CREDENTIAL} and assertion_id = %s for update", (assertion_id,))

    def keep_bytes(self, assertion_id: str, credential: bytes) -> None:
        self.cursor.execute(
            "update assertions set credential = %b where assertion_id = %s and credential is null",
            (credential, assertion_id),
        )

    def with_bytes(self, assertion_ids: Sequence[str]) -> set[str]:
        """Those of these assertions whose credentials the table has, stored or not, or that are being erased."""
        found = self.cursor.execute(
            "select assertion_id from assertions where assertion_id = any(%s)"
            " and (credential is not null or erased_at is not null)",
            (list(assertion_ids),),
        )
        return {id for (id,) in found}

    def stored(self, assertion_ids: Sequence[str]) -> set[str]:
        """Those of these assertions whose credentials the table calls stored: they are never put by `store` again."""
        found = self.cursor.execute(
            "select assertion_id from assertions where assertion_id = any(%s) and state = 'stored'",
            (list(assertion_ids),),
        )
        return {id for (id,) in found}

    # ── documents ──────────────────────────────────────────────────────────────────────────────────────

    def keep_published(self, name: str, objects: Sequence[PublishedObject], now: datetime) -> None:
        """Note what a document was published as."""
        rows = [
            {"key": each.key, "name": name, "content_type": each.content_type, "body": each.body, "published_at": now}
            for each in objects
        ]
        self.upsert_rows("published_objects", rows, "key")

    def kept_objects(self, after: str, limit: int) -> list[KeptObject]:
        return self.fetch_all(KeptObject, f"{_KEPT} where key > %s order by key limit %s", (after, limit))

    def kept_object(self, key: str) -> KeptObject | None:
        return self.fetch_one(KeptObject, f"{_KEPT} where key = %s", (key,))

    def kept_keys(self, keys: Sequence[str]) -> set[str]:
        found = self.cursor.execute("select key from published_objects where key = any(%s)", (list(keys),))
        return {key for (key,) in found}


def _stored_credential(assertion_id: str, leaf: str, credential: bytes | None, announcement: bytes) -> StoredCredential:
    return StoredCredential(assertion_id, leaf, credential, _announcements.decode(announcement))
