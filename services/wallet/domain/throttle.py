"""How often a password may be tried and a letter asked for: against guessing, and against locking out an owner.

Counted separately, each by its key: a browser in which the owner was logged in before; a stranger's source at one
address; one source at all addresses; all strangers at one address. An owner who is locked out by others' tries can
still log in with a known browser, or set a new password by letter. Sources: OWASP Authentication Cheat Sheet (device
cookies); NIST SP 800-63B-4, 3.2.2 (no more than 100 wrong tries in a row). Pure.
"""

from __future__ import annotations

from datetime import timedelta

from shared.attempt_limit import Limit

_QUARTER = timedelta(minutes=15)
_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)


def login_limits(address_key: str, source: str, account_id: int | None, *, is_known: bool) -> tuple[Limit, ...]:
    """Of a password for this address. `is_known`: it comes from a browser of the account."""
    if is_known:
        return (Limit(f"account/{account_id}", 10, _QUARTER, own=True),)
    return (
        Limit(f"login/{source}/{address_key}", 10, _QUARTER, own=True),
        Limit(f"source/{source}", 100, _QUARTER),
        Limit(f"address/{address_key}", 100, _DAY, own=True),
    )


def link_limits(assertion_id: str) -> tuple[Limit, ...]:
    """Of a password typed behind a letter's link, which no stranger has."""
    return (Limit(f"link/{assertion_id}", 10, _QUARTER, own=True),)


def account_limits(account_id: int) -> tuple[Limit, ...]:
    """Of the password that a logged-in person is asked for once more."""
    return (Limit(f"account/{account_id}", 10, _QUARTER, own=True),)


def letter_limits(letter: str, address_key: str, source: str) -> tuple[Limit, ...]:
    """Of letters that anybody may ask for."""
    return (Limit(f"{letter}/{address_key}", 3, _HOUR), Limit(f"letters/{source}", 30, _HOUR))


def address_limits(account_id: int) -> tuple[Limit, ...]:
    """Of addresses to which an account has letters sent."""
    return (Limit(f"addresses/{account_id}", 5, _HOUR),)


def passkey_limits(source: str) -> tuple[Limit, ...]:
    """Of challenges, each of which is a row until it ends."""
    return (Limit(f"passkeys/{source}", 200, _QUARTER),)
