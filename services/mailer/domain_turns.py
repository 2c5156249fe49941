"""Of all replicas, one at a time writes to a mail domain with a limit: so the limit holds for all of them together."""

from __future__ import annotations

from collections.abc import Callable, Collection
from time import monotonic

import psycopg

from services.mailer.domain.pacing import DomainLimits, Limit
from shared.runtime.sessions import connection_settings

_LOCK = "pg_try_advisory_lock(hashtext('mailer/domain/' || current_schema()), hashtext(domain))"
_UNLOCK = "pg_advisory_unlock(hashtext('mailer/domain/' || current_schema()), hashtext(domain))"
_UNUSED = 5.0  # seconds without a letter to a domain, after which another replica may write to it
_ASK_AGAIN = 1.0  # seconds after which a domain that another replica has is asked for again
_HANGS_AFTER = 120  # seconds without a statement of ours, after which all our turns end


class DomainTurns:
    """For one thread. Turns end with the process, and with its connection to the database."""

    def __init__(self, url: str, limits: DomainLimits, seconds: Callable[[], float] = monotonic) -> None:
        self._url = url
        self._limits = limits
        self._seconds = seconds
        self._connection: psycopg.Connection[tuple[str]] | None = None
        self._used: dict[str, float] = {}  # ours → when it was last written to
        self._of_others: dict[str, float] = {}  # → until when they are not asked for
        self._looks_at = 0.0

    def of_others(self) -> set[str]:
        """Domains that another replica had a moment ago."""
        now = self._seconds()
        self._of_others = {domain: until for domain, until in self._of_others.items() if until > now}
        return set(self._of_others)

    def take(self, domains: Collection[str]) -> set[str]:
        """Take the turns of `domains`; those that another replica has. OperationalError without a database."""
        wanted = {domain for domain in domains if self._limits.of(domain) != Limit()} - self.of_others()
        now = self._seconds()
        if new := wanted - self._used.keys():
            got = set(self._ask(_LOCK, new))
            self._used |= dict.fromkeys(got, now)
            self._of_others |= dict.fromkeys(new - got, now + _ASK_AGAIN)
        return self._of_others.keys() & set(domains)

    def give_back(self, written_to: Collection[str]) -> None:
        """Keep the turns of domains that are `written_to`, give back those that were not for a while."""
        now = self._seconds()
        self._used |= dict.fromkeys(self._used.keys() & set(written_to), now)
        if now < self._looks_at or not self._used:
            return
        self._looks_at = now + _ASK_AGAIN
        unused = [domain for domain, at in self._used.items() if now - at > _UNUSED]
        self._ask(_UNLOCK, unused)  # also without any: the server ends an idle session
        for domain in unused:
            del self._used[domain]

    def close(self) -> None:
        connection, self._connection = self._connection, None
        self._used.clear()
        if connection is not None:
            connection.close()

    def _ask(self, function: str, domains: Collection[str]) -> list[str]:
        if self._used or self._connection is None:
            return self._ask_once(function, domains)
        try:
            return self._ask_once(function, domains)
        except psycopg.OperationalError:  # the server has ended an idle session, which held nothing
            return self._ask_once(function, domains)

    def _ask_once(self, function: str, domains: Collection[str]) -> list[str]:
        try:
            if self._connection is None:
                given = connection_settings(self._url, idle_seconds=_HANGS_AFTER)
                self._connection = psycopg.connect(self._url, autocommit=True, **given)
            rows = self._connection.execute(
                f"select domain from unnest(%s::text[]) as domain where {function}", (sorted(domains),)
            ).fetchall()
        except psycopg.Error:
            # With the session our turns are gone. Letters on their way now are the most that exceeds a limit.
            self.close()
            raise
        return [domain for (domain,) in rows]
