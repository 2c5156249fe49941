"""The wallet's tables, and nobody else's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from services.wallet.domain.holding import Badge, Progress
from shared.addresses import same_address_key
from shared.events import (
    AssertionAnchored,
    AssertionIssued,
    AssertionRevoked,
    BadgeReceived,
    BadgeVisibilityChanged,
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
    select b.assertion_id, b.registration_id, b.qualification, b.pass_number, b.registration_number,
           b.valid_from, b.valid_until, b.issued_at, b.account_id, b.received_at,
           b.version, b.edition, b.replaces, b.details_public,
           (select newer.assertion_id from badges as newer where newer.registration_id = b.registration_id
             and newer.version > b.version order by newer.version desc limit 1) as corrected_by,
           b.person_id, b.family_name, b.given_name, b.address, b.family_name_latin, b.given_name_latin,
           p.anchored_at, p.rendered_at, p.certificate_key, p.details_key, p.revoked_at, p.revoke_reason, p.replaced_by
    from badges b left join progress p using (assertion_id)
"""

# Whose a badge is: the account's that received it; before that, of whoever has proven the address it was awarded to.
_OWN = """
    (b.account_id = %(account)s
     or b.account_id is null and b.address_key in (select address_key from addresses where account_id = %(account)s))
"""


@dataclass(frozen=True)
class CarriedOver:
    """A badge that goes to the account that had an earlier version of it, which had its numbers shown or hidden."""

    assertion_id: str
    account_id: int
    details_public: bool


class WalletTransaction(Transaction):
    # ── what the other services say ──

    def lock_versions(self, registration_ids: Sequence[str]) -> None:
        """Nobody receives a version of these registrations until the end; whoever is doing so is waited for."""
        self.cursor.execute(
            "select from badges where registration_id = any(%s::text[]) order by assertion_id for update",
            (list(registration_ids),),
        )

    def to_carry_over(self, registration_ids: Sequence[str]) -> list[CarriedOver]:
        """The newest versions that nobody has received, with the account that received an earlier one, if it has
        proven the address that the new one is awarded to."""
        rows = self.cursor.execute(
            """
            select n.assertion_id, had.account_id, had.details_public from badges as n, lateral (
                select o.account_id, o.details_public from badges as o join addresses as a using (account_id)
                where o.registration_id = n.registration_id and o.version < n.version and a.address_key = n.address_key
                order by o.version desc limit 1) as had
            where n.registration_id = any(%s::text[]) and n.received_at is null and not exists (
                select from badges as newer
                where newer.registration_id = n.registration_id and newer.version > n.version)
            order by n.assertion_id
            """,
            (list(registration_ids),),
        )
        return [CarriedOver(*row) for row in rows]

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
            [event.version for event in events],
            [event.edition for event in events],
        )
        self.cursor.execute(
            """
            insert into badges (assertion_id, registration_id, cohort, qualification, kind, pass_number,
                registration_number, valid_from, valid_until, person_id, family_name, given_name,
                family_name_latin, given_name_latin, address, address_key, issued_at, replaces,
                version, edition)
            select * from unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[],
                %s::date[], %s::date[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[],
                %s::text[], %s::text[], %s::timestamptz[], %s::text[], %s::integer[], %s::text[])
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

    def former(self, account_id: int, badge: Badge) -> Badge | None:
        """The newest version of what `badge` renews, if it is that account's own."""
        return self._newest_own(
            account_id,
            "(select registration_id from badges where assertion_id = %(replaces)s)",
            replaces=badge.replaces,
        )

    def renewed(self, account_id: int, badge: Badge) -> Badge | None:
        """The newest version of what renews `badge`, whichever version of it, if it is that account's own."""
        return self._newest_own(
            account_id,
            "(select registration_id from badges where replaces in"
            " (select assertion_id from badges where registration_id = %(registration)s))",
            registration=badge.registration_id,
        )

    def _newest_own(self, account_id: int, registrations: str, **values: str | None) -> Badge | None:
        row = self.cursor.execute(
            f"{_BADGE} where b.registration_id in {registrations} and {_OWN} order by b.version desc limit 1",
            {"account": account_id, **values},
        ).fetchone()
        return _badge(row) if row else None

    def receive(self, assertion_id: str, account_id: int) -> bool:
        """Step 5. The account has the badge, and everybody hears it, once.

        False when it was received before, or has been corrected since.
        """
        now = self.now()
        # Waits for a correction that is being noted, so that the next statement sees it.
        self.cursor.execute("select from badges where assertion_id = %s for update", (assertion_id,))
        row = self.cursor.execute(
            "update badges set account_id = %s, received_at = %s where assertion_id = %s and received_at is null"
            " and not exists (select from badges as newer where newer.registration_id = badges.registration_id"
            "  and newer.version > badges.version) returning 1",
            (account_id, now, assertion_id),
        ).fetchone()
        if row is None:
            return False
        self.announce(BadgeReceived(assertion_id=assertion_id, received_at=now))
        return True

    def show_details(self, assertion_id: str, account_id: int, *, public: bool) -> bool:
        """Whether the public page shows the numbers; everybody hears of a change, once. False when nothing changed."""
        row = self.cursor.execute(
            "update badges set details_public = %s, visibility_revision = visibility_revision + 1"
            " where assertion_id = %s and account_id = %s and details_public <> %s returning visibility_revision",
            (public, assertion_id, account_id, public),
        ).fetchone()
        if row is None:
            return False
        self.announce(BadgeVisibilityChanged(assertion_id=assertion_id, details_public=public, revision=row[0]))
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
        registration_id=row[1],
        qualification=row[2],
        pass_number=row[3],
        registration_number=row[4],
        valid_from=row[5],
        valid_until=row[6],
        issued_at=row[7],
        account_id=row[8],
        received_at=row[9],
        version=row[10],
        edition=row[11],
        replaces=row[12],
        details_public=row[13],
        corrected_by=row[14],
        holder=Holder(
            person_id=row[15],
            family_name=row[16],
            given_name=row[17],
            email=row[18],
            family_name_latin=row[19],
            given_name_latin=row[20],
        ),
        progress=Progress(*row[21:]),
    )
