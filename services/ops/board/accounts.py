"""Changes of the office's accounts as they stand on record, beside its orders. Pure."""

from __future__ import annotations

from shared.office_events import AccountChanged
from shared.programme import Bilingual

ACCOUNT_DECISIONS: dict[str, Bilingual] = {
    "account-added": Bilingual("アカウントの作成", "account made"),
    "account-password": Bilingual("アカウントのパスワード", "password of an account changed"),
    "account-role": Bilingual("アカウントの役割・窓口の変更", "role or desk of an account changed"),
    "account-removed": Bilingual("アカウントの削除", "account removed"),
}
"""As `decision_of` names them."""

ACCOUNT_FIELDS: dict[str, Bilingual] = {
    "role": Bilingual("役割", "Role"),
    "desk": Bilingual("窓口", "Desk"),
    "former_role": Bilingual("前の役割", "Role before"),
    "former_desk": Bilingual("前の窓口", "Desk before"),
}


def decision_of(event: AccountChanged) -> str:
    return f"account-{event.change}"


def facts_of(event: AccountChanged) -> dict[str, str | None]:
    """What is kept of the account: never a password, nor anything made of one."""
    facts = {name: getattr(event, name) for name in ACCOUNT_FIELDS}
    return {name: value for name, value in facts.items() if value is not None}
