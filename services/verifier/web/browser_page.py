"""The verifier that runs in the visitor's browser, without our servers: a page of the site, and one file to download.

The script and the style are built from `browser/` by `make browser`. The page holds the issuer's data as JSON: its DID,
a copy of its DID document with the day of the copy, and its registries. Addresses of nodes may hold API keys, so only
those on this very machine are offered.
"""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

import shared.runtime.web
from services.verifier.config import Config
from services.verifier.files.read import read_json
from services.verifier.ports import Ports
from shared import object_keys
from shared.clock import japan_date
from shared.credentials.did import did_document_url, did_of
from shared.errors import NotFound, TryLater, Unreadable
from shared.programme import Bilingual
from shared.runtime.web import Pages
from shared.runtime.web.guard import POLICY

_STATIC = Path(__file__).parents[1] / "static"
_SHARED_STATIC = Path(shared.runtime.web.__file__).parent / "static"
_ANY_NODE = "https: http:"  # the visitor chooses the node; the script sends nothing but a hash there
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def add_browser_page(app: FastAPI, templates: Pages, config: Config, ports: Ports) -> None:
    """GET /check, and /check/verify.html as one file; the file is a 503 while the issuer's keys can't be read."""
    script, style = _script(), _style()
    page_policy = "; ".join(
        f"{name} {value}" for name, value in {**POLICY, "connect-src": f"'self' {_ANY_NODE}"}.items()
    )

    @app.get("/check", include_in_schema=False)
    def check(request: Request) -> Response:
        try:
            pinned = _pinned(ports)
        except (TryLater, NotFound, Unreadable):
            pinned = None  # the page fetches the keys itself when the button is pressed, and reports a failure
        return templates.page(
            request,
            "check.html",
            headers={"content-security-policy": page_policy},
            config=_config(config, pinned),
            saved_on=None,
            kilobytes=(len(script) + len(style)) // 1000,
        )

    @app.get("/check/verify.html", include_in_schema=False)
    def one_file(request: Request) -> Response:
        pinned = _pinned(ports)
        text = templates.text(
            "check.html",
            templates.language(request),
            "",
            "",
            config=_config(config, pinned),
            saved_on=pinned["copiedOn"],
            policy=_one_file_policy(script, style),
            script=script,
            style=style,
        )
        return HTMLResponse(text, headers={"content-disposition": 'attachment; filename="akashi-verify.html"'})


def _config(config: Config, pinned: dict[str, Any] | None) -> dict[str, Any]:
    """What the script reads: see `Issuer` in browser/evidence.js."""
    programme = config.runtime.programme
    return {
        "issuer": {
            "did": did_of(config.public_url),
            "publicUrl": config.public_url,
            "didDocumentUrl": did_document_url(config.public_url),
            "pinned": pinned,
            "networks": _networks(config),
        },
        "society": _pair(programme.society.name),
        "qualifications": {name: _pair(each.name) for name, each in programme.qualifications.items()},
        "nodes": [url for each in config.networks for url in each.rpc_urls if urlsplit(url).hostname in _LOOPBACK],
    }


def _networks(config: Config) -> list[dict[str, Any]]:
    """The chains on which the issuer has a registry, as configured; retired ones are still asked."""
    return [
        {
            "network": each.id,
            "name": {"ja": each.name.ja or each.id, "en": each.name.en or each.id},
            "chainId": each.chain_id,
            "registry": each.contract,
        }
        for each in config.networks
    ]


def _pair(text: Bilingual) -> dict[str, str]:
    return {"ja": text.ja, "en": text.en}


def _pinned(ports: Ports) -> dict[str, Any]:
    """A copy of the issuer's DID document, and today in Japan. TryLater, NotFound."""
    document = read_json(ports.site.get(object_keys.DID_DOCUMENT))
    return {"document": document, "copiedOn": japan_date(ports.now()).isoformat()}


def _one_file_policy(script: str, style: str) -> str:
    """Only the file's own script runs, and nothing is loaded. Source: Content Security Policy Level 3."""
    return (
        f"default-src 'none'; script-src '{_digest(script)}'; style-src '{_digest(style)}'; "
        f"connect-src {_ANY_NODE}; base-uri 'none'; form-action 'none'"
    )


def _digest(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _script() -> str:
    return (_STATIC / "check.min.js").read_text(encoding="utf-8")


def _style() -> str:
    return "".join(
        path.read_text(encoding="utf-8") for path in (_SHARED_STATIC / "app.min.css", _STATIC / "check.min.css")
    )
