"""What the wallet keeps of one account, as its owner may take it along."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from shared.runtime.db import Transaction


@dataclass(frozen=True)
class OwnAddress:
    address: str
    is_primary: bool
    verified_at: datetime


@dataclass(frozen=True)
class OwnSession:
    device: str
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime


@dataclass(frozen=True)
class OwnPasskey:
    device: str
    created_at: datetime
    used_at: datetime | None


@dataclass(frozen=True)
class OwnAccount:
    """Neither password nor tokens: of those only hashes are kept, which would help nobody but a thief."""

    full_name: str
    created_at: datetime
    addresses: tuple[OwnAddress, ...]
    sessions: tuple[OwnSession, ...]
    passkeys: tuple[OwnPasskey, ...]


def own_account(tx: Transaction, account_id: int) -> OwnAccount:
    row = tx.cursor.execute(
        "select full_name, created_at from accounts where account_id = %s", (account_id,)
    ).fetchone()
    assert row is not None
    addresses = tx.fetch_all(
        OwnAddress,
        "select address, is_primary, verified_at from addresses where account_id = %s"
        " order by is_primary desc, verified_at",
        (account_id,),
    )
    sessions = tx.fetch_all(
        OwnSession,
        "select device, created_at, last_seen_at, expires_at from sessions where account_id = %s order by created_at",
        (account_id,),
    )
    passkeys = tx.fetch_all(
        OwnPasskey,
        "select device, created_at, used_at from passkeys where account_id = %s order by created_at",
        (account_id,),
    )
    return OwnAccount(row[0], row[1], tuple(addresses), tuple(sessions), tuple(passkeys))
