"""The tables of passkeys and of the challenges that they answer."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.retry import SKEW
from shared.runtime.db import Transaction

_PASSKEY = "select credential_id, account_id, public_key, sign_count, device, created_at, used_at from passkeys"


@dataclass(frozen=True)
class Passkey:
    """`public_key`: COSE. `device`: the name of the browser that made it; may be empty."""

    credential_id: bytes
    account_id: int
    public_key: bytes
    sign_count: int
    device: str
    created_at: datetime
    used_at: datetime | None

    @property
    def credential(self) -> str:
        """Its id in base64url, as browsers name it."""
        return base64.urlsafe_b64encode(self.credential_id).rstrip(b"=").decode()


class Passkeys:
    """Passkeys and challenges as one transaction sees them."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    def challenge(self, challenge: bytes, account_id: int | None, lasts: timedelta) -> None:
        """`account_id`: who makes a passkey; None to log in."""
        row = {"challenge": challenge, "account_id": account_id, "expires_at": self._tx.now() + lasts}
        self._tx.insert_rows("challenges", [row])

    def answers(self, challenge: bytes, account_id: int | None, lasts: timedelta) -> bool:
        """Whether this challenge was given for that, and has not been answered; it is answered now."""
        now = self._tx.now()
        return (
            self._tx.fetch_value(
                "delete from challenges where challenge = %s and account_id is not distinct from %s"
                " and expires_at > %s and expires_at <= %s returning true",
                (challenge, account_id, now, now + lasts + SKEW),
            )
            is True
        )

    def all_of(self, account_id: int) -> list[Passkey]:
        return self._tx.fetch_all(Passkey, f"{_PASSKEY} where account_id = %s order by created_at", (account_id,))

    def get(self, credential_id: bytes) -> Passkey | None:
        return self._tx.fetch_one(Passkey, f"{_PASSKEY} where credential_id = %s", (credential_id,))

    def add(self, credential_id: bytes, account_id: int, public_key: bytes, sign_count: int, device: str) -> bool:
        """False when it is there already."""
        row = {
            "credential_id": credential_id,
            "account_id": account_id,
            "public_key": public_key,
            "sign_count": sign_count,
            "device": device,
            "created_at": self._tx.now(),
        }
        return bool(self._tx.insert_rows("passkeys", [row], returning="account_id"))

    def use(self, passkey: Passkey, sign_count: int) -> bool:
        """Its counter is `sign_count` from now on. False when it was removed, or used once more, since it was read."""
        used = self._tx.cursor.execute(
            "update passkeys set sign_count = %s, used_at = %s where credential_id = %s and sign_count = %s",
            (sign_count, self._tx.now(), passkey.credential_id, passkey.sign_count),
        )
        return used.rowcount == 1

    def remove(self, account_id: int, credential_id: bytes) -> None:
        self._tx.cursor.execute(
            "delete from passkeys where account_id = %s and credential_id = %s", (account_id, credential_id)
        )
