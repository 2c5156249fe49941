"""The wallet's tables, and nobody else's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from services.wallet.holding import Badge, Progress
from shared.addresses import same_address_key
from shared.events import (
    AssertionAnchored,
    AssertionIssued,
    AssertionRevoked,
    BadgeReceived,
    CertificateRendered,
    Holder,
)
from shared.runtime.db import Database, Transaction


@dataclass(frozen=True)
class Account:
    account_id: int
    full_name: str  # as typed
    password_hash: str


_ACCOUNT = "select account_id, full_name, password_hash from accounts"

_BADGE = """
    select b.assertion_id, b.qualification, b.pass_number, b.registration_number, b.valid_from, b.valid_until,
           b.issued_at, b.account_id, b.received_at,
           b.person_id, b.family_name, b.given_name, b.address, b.family_name_latin, b.given_name_latin,
           p.anchored_at, p.rendered_at, p.certificate_key, p.details_key, p.revoked_at, p.revoke_reason, p.replaced_by
    from badges b left join progress p using (assertion_id)
"""

# Whose a badge is: the account's that received it; before that, of whoever has proven the address it was awarded to.
_OWN = """
    (b.account_id = %(account)s
     or b.account_id is null and b.address_key in (select address_key from addresses where account_id = %(account)s))
"""


class WalletTransaction(Transaction):
    # ── what the other services say ──

    def save_issued(self, events: Sequence[AssertionIssued]) -> None:
        columns = (
            [event.assertion_id for event in events],
            [event.award.registration_id for event in events],
            [event.award.cohort for event in events],
            [event.award.qualification for event in events],
            [event.award.kind for event in events],
            [event.award.pass_number for event in events],
            [event.award.registration_number for event in events],
            [event.award.valid_from for event in events],
            [event.award.valid_until for event in events],
            [event.holder.person_id for event in events],
            [event.holder.family_name for event in events],
            [event.holder.given_name for event in events],
            [event.holder.family_name_latin for event in events],
            [event.holder.given_name_latin for event in events],
            [event.holder.email for event in events],
            [same_address_key(event.holder.email) for event in events],
            [event.issued_at for event in events],
            [event.replaces for event in events],
        )
        self.cursor.execute(
            """
            insert into badges (assertion_id, registration_id, cohort, qualification, kind, pass_number,
                registration_number, valid_from, valid_until, person_id, family_name, given_name,
                family_name_latin, given_name_latin, address, address_key, issued_at, replaces)
            select * from unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[],
                %s::date[], %s::date[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[],
                %s::text[], %s::text[], %s::timestamptz[], %s::text[])
            on conflict (assertion_id) do nothing
            """,
            columns,
        )

    def save_anchored(self, events: Sequence[AssertionAnchored]) -> None:
        last = {event.assertion_id: event for event in events}
        self.cursor.execute(
            """
            insert into progress (assertion_id, anchored_at) select * from unnest(%s::text[], %s::timestamptz[])
            on conflict (assertion_id) do update set anchored_at = excluded.anchored_at
            """,
            (list(last), [event.anchored_at for event in last.values()]),
        )

    def save_rendered(self, events: Sequence[CertificateRendered]) -> None:
        last = {event.assertion_id: event for event in events}
        self.cursor.execute(
            """
            insert into progress
                (assertion_id, rendered_at, certificate_key, certificate_sha256, details_key, details_sha256)
            select * from unnest(%s::text[], %s::timestamptz[], %s::text[], %s::text[], %s::text[], %s::text[])
            on conflict (assertion_id) do update set rendered_at = excluded.rendered_at,
                certificate_key = excluded.certificate_key, certificate_sha256 = excluded.certificate_sha256,
                details_key = excluded.details_key, details_sha256 = excluded.details_sha256
            """,
            (
                list(last),
                [event.rendered_at for event in last.values()],
                [event.certificate_key for event in last.values()],
                [event.certificate_sha256 for event in last.values()],
                [event.details_key for event in last.values()],
                [event.details_sha256 for event in last.values()],
            ),
        )

    def save_revoked(self, events: Sequence[AssertionRevoked]) -> None:
        last = {event.assertion_id: event for event in events}
        self.cursor.execute(
            """
            insert into progress (assertion_id, revoked_at, revoke_reason, replaced_by)
            select * from unnest(%s::text[], %s::timestamptz[], %s::text[], %s::text[])
            on conflict (assertion_id) do update set revoked_at = excluded.revoked_at,
                revoke_reason = excluded.revoke_reason, replaced_by = excluded.replaced_by
            """,
            (
                list(last),
                [event.revoked_at for event in last.values()],
                [event.reason for event in last.values()],
                [event.replaced_by for event in last.values()],
            ),
        )

    # ── badges ──

    def badge(self, assertion_id: str) -> Badge | None:
        row = self.cursor.execute(f"{_BADGE} where b.assertion_id = %s", (assertion_id,)).fetchone()
        return _badge(row) if row else None

    def badge_of(self, account_id: int, assertion_id: str) -> Badge | None:
        """The badge if it is that account's own; None for everybody else's and for none at all."""
        row = self.cursor.execute(
            f"{_BADGE} where b.assertion_id = %(id)s and {_OWN}", {"id": assertion_id, "account": account_id}
        ).fetchone()
        return _badge(row) if row else None

    def badges_of(self, account_id: int) -> list[Badge]:
        """All of an account's own, the newest period first."""
        rows = self.cursor.execute(
            f"{_BADGE} where {_OWN} order by b.valid_from desc, b.qualification, b.assertion_id",
            {"account": account_id},
        ).fetchall()
        return [_badge(row) for row in rows]

    def receive(self, assertion_id: str, account_id: int) -> bool:
        """Step 5. The account has the badge, and everybody hears it, once; False when it was received before."""
        now = self.now()
        row = self.cursor.execute(
            "update badges set account_id = %s, received_at = %s where assertion_id = %s and received_at is null"
            " returning 1",
            (account_id, now, assertion_id),
        ).fetchone()
        if row is None:
            return False
        self.announce(BadgeReceived(assertion_id=assertion_id, received_at=now))
        return True

    # ── accounts ──

    def account_at(self, address: str) -> Account | None:
        row = self.cursor.execute(
            f"{_ACCOUNT} join addresses using (account_id) where address_key = %s", (same_address_key(address),)
        ).fetchone()
        return Account(*row) if row else None

    def create_account(self, full_name: str, password_hash: str, address: str) -> int | None:
        """The new account's id; None when the address has one: another window was faster."""
        now = self.now()
        # Waits for a transaction that is making an account at this address; then sees its row.
        self.cursor.execute("select pg_advisory_xact_lock(hashtextextended(%s, 0))", (same_address_key(address),))
        if self.account_at(address) is not None:
            return None
        row = self.cursor.execute(
            "insert into accounts (full_name, password_hash, created_at) values (%s, %s, %s) returning account_id",
            (full_name, password_hash, now),
        ).fetchone()
        assert row is not None
        account_id: int = row[0]
        self.cursor.execute(
            "insert into addresses (address_key, account_id, address, is_primary, verified_at)"
            " values (%s, %s, %s, true, %s)",
            (same_address_key(address), account_id, address, now),
        )
        return account_id

    # ── sessions ──

    def open_session(self, token_sha256: bytes, account_id: int, lasts: timedelta) -> None:
        now = self.now()
        self.cursor.execute(
            "insert into sessions (token_sha256, account_id, created_at, expires_at) values (%s, %s, %s, %s)",
            (token_sha256, account_id, now, now + lasts),
        )

    def account_in(self, token_sha256: bytes) -> Account | None:
        """Whose session it is, while it lasts."""
        row = self.cursor.execute(
            f"{_ACCOUNT} join sessions using (account_id) where token_sha256 = %s and expires_at > %s",
            (token_sha256, self.now()),
        ).fetchone()
        return Account(*row) if row else None

    def has_address(self, account_id: int, address: str) -> bool:
        row = self.cursor.execute(
            "select 1 from addresses where account_id = %s and address_key = %s",
            (account_id, same_address_key(address)),
        ).fetchone()
        return row is not None

    def close_session(self, token_sha256: bytes) -> None:
        self.cursor.execute("delete from sessions where token_sha256 = %s", (token_sha256,))

    def count_attempt(self, address_sha256: bytes, window: timedelta) -> int:
        """How many tries there were in this address's window, this one included. A window begins with its first try."""
        now = self.now()
        row = self.cursor.execute(
            """
            insert into login_attempts as a (address_sha256, attempts, began_at) values (%(key)s, 1, %(now)s)
            on conflict (address_sha256) do update set
                attempts = case when a.began_at <= %(past)s then 1 else a.attempts + 1 end,
                began_at = case when a.began_at <= %(past)s then %(now)s else a.began_at end
            returning attempts
            """,
            {"key": address_sha256, "now": now, "past": now - window},
        ).fetchone()
        assert row is not None
        attempts: int = row[0]
        return attempts

    def forget_attempts(self, address_sha256: bytes) -> None:
        self.cursor.execute("delete from login_attempts where address_sha256 = %s", (address_sha256,))

    def forget_past(self, window: timedelta, most: int) -> int:
        """Delete sessions that have ended and attempts whose window has, at most `most` of each; how many."""
        now = self.now()
        deleted = 0
        for table, key, column, past in (
            ("sessions", "token_sha256", "expires_at", now),
            ("login_attempts", "address_sha256", "began_at", now - window),
        ):
            self.cursor.execute(
                f"delete from {table} where {key} in"
                f" (select {key} from {table} where {column} <= %s limit %s for update skip locked)",
                (past, most),
            )
            deleted += self.cursor.rowcount
        return deleted


Store = Database[WalletTransaction]


def _badge(row: tuple[Any, ...]) -> Badge:
    return Badge(
        assertion_id=row[0],
        qualification=row[1],
        pass_number=row[2],
        registration_number=row[3],
        valid_from=row[4],
        valid_until=row[5],
        issued_at=row[6],
        account_id=row[7],
        received_at=row[8],
        holder=Holder(
            person_id=row[9],
            family_name=row[10],
            given_name=row[11],
            email=row[12],
            family_name_latin=row[13],
            given_name_latin=row[14],
        ),
        progress=Progress(*row[15:]),
    )
