"""The issuer's side of OpenID4VCI 1.0: metadata, token endpoint, credential endpoint, and the page with the offer.

Sources: OpenID for Verifiable Credential Issuance 1.0, sections 4.1 (offer), 6 (token), 8 (credential), 12.2
(metadata), appendix A.1.2 (ldp_vc); RFC 8414 (metadata of the authorization server); RFC 6749, 3.2 (form), 5.1 (scope)
and 5.2, RFC 6750, 3.1 (errors).
"""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import parse_qsl, urlencode

from fastapi import FastAPI
from markupsafe import Markup
from qrcode.constants import ERROR_CORRECT_L
from qrcode.main import QRCode
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from services.wallet.badge import offers
from services.wallet.badge.offers import CODE_LIFETIME, CONFIGURATION, TOKEN_LIFETIME
from services.wallet.ports import Ports
from services.wallet.web.pages import WalletPages
from shared.credentials.content import OB_CONTEXT, VC_CONTEXT

GRANT = "urn:ietf:params:oauth:grant-type:pre-authorized_code"
_TOKEN_PARAMETERS = ("grant_type", "pre-authorized_code", "tx_code")
_NO_STORE = {"cache-control": "no-store"}
_DARK = re.compile("1+")


def add_oid4vci(app: FastAPI, pages: WalletPages) -> None:
    ports, issuer = pages.ports, pages.config.wallet_url

    @app.get("/.well-known/openid-credential-issuer")
    def issuer_metadata() -> Response:
        return JSONResponse(_issuer_metadata(pages))

    @app.get("/.well-known/oauth-authorization-server")
    def server_metadata() -> Response:
        return JSONResponse(
            {
                "issuer": issuer,
                "token_endpoint": f"{issuer}/oid4vci/token",
                "grant_types_supported": [GRANT],
                "scopes_supported": [CONFIGURATION],
                "token_endpoint_auth_methods_supported": ["none"],
                "pre-authorized_grant_anonymous_access_supported": True,
            }
        )

    @app.post("/badges/{assertion_id}/offer")
    def offer(request: Request, assertion_id: str) -> Response:
        account = pages.account(request)
        badge, code = offers.make(account, assertion_id, ports)
        link = "openid-credential-offer://?" + urlencode({"credential_offer_uri": f"{issuer}/oid4vci/offers/{code}"})
        return pages.page(
            request,
            "offer.html",
            account,
            badge=badge,
            link=link,
            qr=_qr(link),
            minutes=int(CODE_LIFETIME.total_seconds() // 60),
        )

    @app.get("/oid4vci/offers/{code}")
    def offered(code: str) -> Response:
        """By reference, so that the QR code stays small. Tells nothing about the code: that is the token's business."""
        grants = {GRANT: {"pre-authorized_code": code}}
        offer = {"credential_issuer": issuer, "credential_configuration_ids": [CONFIGURATION], "grants": grants}
        return JSONResponse(offer, headers=_NO_STORE)

    @app.post("/oid4vci/token")
    async def token(request: Request) -> Response:
        return await _token(request, ports)

    @app.post("/oid4vci/credential")
    async def credential(request: Request) -> Response:
        return await _credential(request, pages)


async def _token(request: Request, ports: Ports) -> Response:
    asked = _form(request.headers.get("content-type", ""), await request.body())
    grant, code = asked.get("grant_type"), asked.get("pre-authorized_code", "")
    if not grant or (grant == GRANT and (not code or "tx_code" in asked)):
        return _refused("invalid_request", "expected a form with grant_type and pre-authorized_code, and no tx_code")
    if grant != GRANT:
        return _refused("unsupported_grant_type", f"expected {GRANT}")
    given = await run_in_threadpool(offers.redeem, code, ports)
    if given is None:
        wanted = "expected a pre-authorized_code that is neither used nor over; the holder can make another offer"
        return _refused("invalid_grant", wanted)
    lasts = int(TOKEN_LIFETIME.total_seconds())
    answer = {"access_token": given, "token_type": "Bearer", "expires_in": lasts, "scope": CONFIGURATION}
    return JSONResponse(answer, headers=_NO_STORE)


def _form(kind: str, body: bytes) -> dict[str, str]:
    """The parameters of a token request; one without a value counts as left out.

    None at all of another kind of body, and when one of ours is in it twice. Others may be: some are lists.
    """
    if kind.partition(";")[0].strip().lower() != "application/x-www-form-urlencoded":
        return {}
    given = parse_qsl(body.decode(errors="replace"))
    names = [name for name, _ in given if name in _TOKEN_PARAMETERS]
    return dict(given) if len(names) == len(set(names)) else {}


async def _credential(request: Request, pages: WalletPages) -> Response:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    try:
        asked = json.loads(await request.body(), object_pairs_hook=_each_once)
    except (ValueError, RecursionError):
        asked = None
    if not isinstance(asked, dict) or ("credential_configuration_id" in asked) == ("credential_identifier" in asked):
        return _refused("invalid_credential_request", "expected a JSON object with credential_configuration_id")
    if "credential_identifier" in asked:  # no token names one
        return _refused("unknown_credential_identifier", f"expected credential_configuration_id {CONFIGURATION}")
    if asked["credential_configuration_id"] != CONFIGURATION:
        return _refused("unknown_credential_configuration", f"expected credential_configuration_id {CONFIGURATION}")
    if asked.get("credential_response_encryption") is not None:  # never answer in clear what was to be encrypted
        return _refused("invalid_encryption_parameters", "expected no credential_response_encryption: see the metadata")
    if scheme.lower() != "bearer":  # RFC 6750, 3.1: without a token the answer names no error
        return Response(status_code=401, headers={**_NO_STORE, "www-authenticate": "Bearer"})
    found = await run_in_threadpool(offers.fetch, token, pages.ports)
    if found is None:
        headers = {**_NO_STORE, "www-authenticate": 'Bearer error="invalid_token"'}
        return JSONResponse({"error": "invalid_token"}, 401, headers)
    return JSONResponse({"credentials": [{"credential": found}]}, headers=_NO_STORE)


def _each_once(members: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object. ValueError when a parameter is in it twice."""
    found = dict(members)
    if len(found) != len(members):
        raise ValueError("expected each parameter once")
    return found


def _issuer_metadata(pages: WalletPages) -> dict[str, Any]:
    """Of the one kind of credential that there is. No proof of a key is asked for, and none of binding is promised."""
    issuer, society = pages.config.wallet_url, pages.ports.programme.society
    names = [("ja", society.name.ja), ("en", society.name.en)]
    kinds = [("ja", pages.ports.programme.texts.certificate_title.ja), ("en", "Registration certificate")]
    return {
        "credential_issuer": issuer,
        "credential_endpoint": f"{issuer}/oid4vci/credential",
        "display": [{"name": name, "locale": locale} for locale, name in names],
        "credential_configurations_supported": {
            CONFIGURATION: {
                "format": "ldp_vc",
                "scope": CONFIGURATION,
                "credential_definition": {
                    "@context": [VC_CONTEXT, OB_CONTEXT],
                    "type": ["VerifiableCredential", "OpenBadgeCredential"],
                },
                "credential_signing_alg_values_supported": ["eddsa-rdfc-2022"],
                "credential_metadata": {"display": [{"name": name, "locale": locale} for locale, name in kinds]},
            }
        },
    }


def _refused(error: str, description: str) -> Response:
    return JSONResponse({"error": error, "error_description": description}, 400, _NO_STORE)


def _qr(text: str) -> Markup:
    """Dark on light in both themes, since not every reader takes the reverse. A path of each row's dark runs.

    qrcode's own SVG brings lxml, which is 4 MB of every wallet for a page that few open.
    """
    code = QRCode(error_correction=ERROR_CORRECT_L, border=4)
    code.add_data(text)
    rows = ["".join("1" if is_dark else "0" for is_dark in row) for row in code.get_matrix()]
    path = "".join(
        f"M{run.start()} {y}h{len(run[0])}v1h-{len(run[0])}z"
        for y, row in enumerate(rows)
        for run in _DARK.finditer(row)
    )
    return Markup(f'<svg viewBox="0 0 {len(rows)} {len(rows)}"><path d="{path}"/></svg>')
