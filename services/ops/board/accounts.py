"""Changes of the office's accounts as they stand on record, beside its orders. Pure."""

from __future__ import annotations

from shared.office_events import AccountChanged
from shared.programme import Bilingual

ACCOUNT_DECISIONS: dict[str, Bilingual] = {
    "account-added": Bilingual("アカウントの作成", "account made"),
    "account-password": Bilingual("アカウントのパスワード", "password of an account changed"),
    "account-removed": Bilingual("アカウントの削除", "account removed"),
}
"""As `decision_of` names them."""

ACCOUNT_FIELDS: dict[str, Bilingual] = {
    "role": Bilingual("役割", "Role"),
    "desk": Bilingual("窓口", "Desk"),
}


def decision_of(event: AccountChanged) -> str:
    return f"account-{event.change}"


def facts_of(event: AccountChanged) -> dict[str, str | None]:
    """What is kept of the account: never a password, nor anything made of one."""
    return {name: value for name, value in (("role", event.role), ("desk", event.desk)) if value is not None}
