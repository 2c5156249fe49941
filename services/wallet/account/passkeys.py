"""Passkeys (WebAuthn Level 2): an account logs in with a device's fingerprint, face or PIN instead of its password.

A passkey works on this site only, so it can't be phished. Without one, or without JavaScript, the password still works.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import webauthn
from webauthn.helpers import options_to_json, parse_authentication_credential_json, parse_registration_credential_json
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticationCredential,
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    RegistrationCredential,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from services.wallet.account import letters
from services.wallet.account.sessions import Tokens, open_session
from services.wallet.domain.device import Browser
from services.wallet.domain.throttle import passkey_limits
from services.wallet.metrics import REFUSED
from services.wallet.ports import Ports
from services.wallet.store import Account
from services.wallet.store.passkeys import Passkey
from shared.errors import NotFound

_CHALLENGE_LASTS = timedelta(minutes=5)


def own(account: Account, ports: Ports) -> list[Passkey]:
    with ports.store.transaction() as tx:
        return tx.passkeys.all_of(account.account_id)


def options_to_make(account: Account, ports: Ports) -> str:
    """What the browser needs to make a passkey: JSON."""
    with ports.acting(account) as tx:
        known = tx.passkeys.all_of(account.account_id)
        options = webauthn.generate_registration_options(
            rp_id=_site(ports),
            rp_name=ports.programme.society.name.ja,
            user_name=tx.accounts.primary_address(account.account_id),
            user_display_name=account.full_name,
            user_id=_user(account, ports),
            exclude_credentials=[PublicKeyCredentialDescriptor(id=each.credential_id) for each in known],
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.REQUIRED, user_verification=UserVerificationRequirement.REQUIRED
            ),
        )
        tx.passkeys.challenge(options.challenge, account.account_id, _CHALLENGE_LASTS)
    return options_to_json(options)


def add(account: Account, answer: dict[str, Any], browser: Browser, ports: Ports) -> bool:
    """Keep the passkey that the browser made; a notice goes out. False for an answer that proves nothing."""
    try:
        credential: RegistrationCredential = parse_registration_credential_json(answer)
        challenge = _challenge_of(credential.response.client_data_json)
        with ports.store.transaction() as tx:
            is_ours = tx.passkeys.answers(challenge, account.account_id, _CHALLENGE_LASTS)
        if not is_ours:
            return _refused()
        made = webauthn.verify_registration_response(
            credential=credential,
            expected_challenge=challenge,
            expected_rp_id=_site(ports),
            expected_origin=_origin(ports),
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError, TypeError, KeyError):
        return _refused()
    with ports.acting(account) as tx:
        if not tx.passkeys.add(
            made.credential_id, account.account_id, made.credential_public_key, made.sign_count, browser.name
        ):
            return _refused()
        letters.notify(tx, account, "passkey-added", browser, ports)
    return True


def remove(account: Account, credential: str, ports: Ports) -> None:
    """`credential`: its id in base64url. One that is none of the account's is answered as one that was removed before.

    NotFound for what is no id.
    """
    try:
        credential_id = webauthn.base64url_to_bytes(credential)
    except ValueError as error:
        raise NotFound("passkey: no id of one") from error
    with ports.acting(account) as tx:
        tx.passkeys.remove(account.account_id, credential_id)
    # If we die here or the answer is lost, the passkey is removed, and removing it again says so.


def options_to_log_in(browser: Browser, ports: Ports) -> str | None:
    """What the browser needs to log in with any passkey of this site: JSON. None for a source that asks too often."""
    options = webauthn.generate_authentication_options(
        rp_id=_site(ports), user_verification=UserVerificationRequirement.REQUIRED
    )
    with ports.store.transaction() as tx:
        if tx.sessions.is_over(passkey_limits(browser.source)):
            return None
        tx.passkeys.challenge(options.challenge, None, _CHALLENGE_LASTS)
    return options_to_json(options)


def log_in(answer: dict[str, Any], browser: Browser, ports: Ports) -> Tokens | None:
    """A new session by a passkey; None for an answer that proves nothing. A challenge is answered once."""
    try:
        credential: AuthenticationCredential = parse_authentication_credential_json(answer)
        challenge = _challenge_of(credential.response.client_data_json)
        with ports.store.transaction() as tx:
            is_ours = tx.passkeys.answers(challenge, None, _CHALLENGE_LASTS)
            passkey = tx.passkeys.get(credential.raw_id)
            account = tx.accounts.get(passkey.account_id) if passkey is not None else None
        if not is_ours or passkey is None or account is None:
            _refused()
            return None
        proven = webauthn.verify_authentication_response(
            credential=credential,
            expected_challenge=challenge,
            expected_rp_id=_site(ports),
            expected_origin=_origin(ports),
            credential_public_key=passkey.public_key,
            credential_current_sign_count=passkey.sign_count,
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError, TypeError, KeyError):
        _refused()
        return None
    with ports.acting(account) as tx:
        if tx.passkeys.use(passkey, proven.new_sign_count):
            return open_session(tx, browser, account.account_id, ports)
    _refused()
    return None


def _refused() -> bool:
    REFUSED.labels("passkey").inc()
    return False


def _challenge_of(client_data: bytes) -> bytes:
    """The challenge that an answer says to answer. ValueError, KeyError or TypeError for what says none."""
    return webauthn.base64url_to_bytes(json.loads(client_data)["challenge"])


def _site(ports: Ports) -> str:
    """The host, which a passkey is bound to (RP ID)."""
    return urlsplit(ports.wallet_url).hostname or ""


def _origin(ports: Ports) -> str:
    parts = urlsplit(ports.wallet_url)
    return f"{parts.scheme}://{parts.netloc}"


def _user(account: Account, ports: Ports) -> bytes:
    """The account as authenticators tell it from others: nothing personal, the same each time."""
    text = f"passkey-user/{account.account_id}/{account.created_at.isoformat()}"
    return hmac.new(ports.link_secret, text.encode(), hashlib.sha256).digest()
