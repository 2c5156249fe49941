"""The shared pages around a service of a few lines."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import psycopg
import pytest
from fastapi import FastAPI, Form, HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from shared.errors import NotFound, TryLater
from shared.programme import parse_programme
from shared.runtime.access import Access
from shared.runtime.web import pages
from tests.worlds.http_server import serving

PROGRAMME = parse_programme(Path("deploy/programmes/jci.toml").read_text(encoding="utf-8"))
TEMPLATE = """{% extends "base.html" %}{% import "macros.html" as m with context %}
{% block title %}{{ t("題", "Title") }}{% endblock %}
{% block main %}{% call m.verdict("ok", t("有効な証明書です", "This certificate is valid")) %}
<p>{{ name }}</p>{% endcall %}
<dl class="facts">{{ m.fact(t("氏名", "Name"), name) }}</dl>
{{ m.field("name", "氏名", error="x", hint="y") }}{{ m.icon("pdf") }}{% endblock %}"""


# After a fault of ours uvicorn answers and closes the line: a request that found it still open would be torn.
EACH_ITS_OWN = httpx.Limits(max_keepalive_connections=0)


@pytest.fixture
def client(tmp_path: Path) -> Iterator[httpx.Client]:
    folder = tmp_path / "templates"
    folder.mkdir()
    (folder / "one.html").write_text(TEMPLATE, encoding="utf-8")
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    site = pages(folder, PROGRAMME)
    site.install(app, access=Access(proxies=("127.0.0.1",)))

    @app.get("/one")
    def one(request: Request, name: str = "髙橋") -> Response:
        return site.page(request, "one.html", name=name)

    @app.get("/lacking")
    def lacking(request: Request) -> Response:
        return site.page(request, "one.html")

    @app.get("/fails/{kind}")
    def fails(kind: str) -> Response:
        raise {
            "away": TryLater("storage"),
            "database": psycopg.OperationalError("gone"),
            "none": NotFound("x"),
            "slow": HTTPException(429),
        }[kind]

    @app.post("/form")
    def form(password: str = Form()) -> Response:
        return PlainTextResponse(str(len(password)))

    with serving(app) as url, httpx.Client(base_url=url, limits=EACH_ITS_OWN) as client:
        yield client


def test_a_page_stands_in_both_languages_and_the_choice_is_kept(client: httpx.Client) -> None:
    japanese = client.get("/one?name=a")
    assert '<html lang="ja">' in japanese.text
    assert "有効な<wbr>証明書です" in japanese.text
    assert 'href="?name=a&amp;lang=en"' in japanese.text
    english = client.get("/one?name=a&lang=en")
    assert "This certificate is valid" in english.text
    assert PROGRAMME.society.name.en in english.text
    assert '<html lang="en">' in client.get("/one").text


def test_typed_text_is_escaped(client: httpx.Client) -> None:
    assert "<script>" not in client.get("/one", params={"name": "<script>"}).text


def test_every_answer_has_the_security_headers_even_after_a_bug(client: httpx.Client) -> None:
    policy = (
        "default-src 'self'; style-src 'self'; script-src 'self'; img-src 'self' data:; object-src 'none';"
        " base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )
    for path in ("/one", "/lacking", "/nowhere", "/healthz", "/fails/away", "/openapi.json", "/docs"):
        answer = client.get(path)
        headers = answer.headers
        assert headers["content-security-policy"] == policy, path
        assert headers["content-type"] == f"text/{'plain' if path == '/healthz' else 'html'}; charset=utf-8", path
        assert headers["cross-origin-opener-policy"] == "same-origin", path
        assert "server" not in headers and "Traceback" not in answer.text, path
        assert headers["x-content-type-options"] == "nosniff", path
        assert headers["referrer-policy"] == "same-origin", path
        assert headers["cache-control"] == "no-store", path
        assert "strict-transport-security" not in headers, path
    behind_https = client.get("/one", headers={"x-forwarded-proto": "https"}).headers
    assert behind_https["strict-transport-security"] == "max-age=31536000"


@pytest.mark.parametrize(
    ("path", "status", "heading"),
    [
        ("/nowhere", 404, "ページが<wbr>見つかりません"),
        ("/lacking", 500, "表示できませんでした"),
        ("/fails/none", 404, "ページが<wbr>見つかりません"),
        ("/fails/away", 503, "ただいま"),
        ("/fails/database", 503, "ただいま"),
        ("/fails/slow", 429, "しばらく"),
        ("/form", 405, "この<wbr>操作は<wbr>できません"),
    ],
)
def test_every_error_page_says_what_to_do_next(client: httpx.Client, path: str, status: int, heading: str) -> None:
    answer = client.get(path)
    assert answer.status_code == status
    assert heading in answer.text
    assert "e-gishi@" in answer.text
    assert 'lang="en"' in client.get(path + "?lang=en").text


def test_a_form_with_a_missing_field_names_the_field_and_not_what_was_typed(client: httpx.Client) -> None:
    answer = client.post("/form", data={"passwort": "secret-secret"})
    assert answer.status_code == 422
    assert "secret-secret" not in answer.text
    answer = client.post("/form", data={"passwort": "secret-secret"}, headers={"accept": "application/json"})
    assert answer.json() == {"error": 422, "detail": "expected valid body.password"}


def test_a_post_from_another_site_is_refused_before_any_route(client: httpx.Client) -> None:
    answer = client.post("/form", data={"password": "x"}, headers={"origin": "https://evil.example"})
    assert answer.status_code == 403
    assert "別の<wbr>サイト" in answer.text or "受け付けませんでした" in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_over_the_limit_is_refused(client: httpx.Client, chunked: bool) -> None:
    body = b"password=" + b"x" * 70_000
    content = iter([body[:40_000], body[40_000:]]) if chunked else body
    answer = client.post("/form", content=content, headers={"content-type": "application/x-www-form-urlencoded"})
    assert answer.status_code == 413
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_the_style_sheet_is_cached_for_ever_under_its_hash(client: httpx.Client) -> None:
    page = client.get("/one").text
    start = page.index("/static/app.")
    url = page[start : page.index('"', start)]
    answer = client.get(url)
    assert answer.status_code == 200
    assert "immutable" in answer.headers["cache-control"]
    assert answer.headers["content-type"].startswith("text/css")
    assert client.get("/static/app.000000000000.css").status_code == 404


def test_the_served_style_sheet_is_built_from_its_source() -> None:
    checked = subprocess.run(
        ["node", "shared/runtime/web/build.mjs", "--check"], capture_output=True, text=True, timeout=60
    )
    assert checked.returncode == 0, checked.stderr


@pytest.mark.parametrize(
    ("copied", "meant"),
    [
        ("/one%E3%80%82?name=x", "/one?name=x"),
        ("/one)", "/one"),
        ("/one%E2%80%8B", "/one"),
        ("/one%25E3%2580%258D", "/one"),
        ("/%E3%80%8Cone%E3%80%8D%E3%82%92", "/one"),
        ("/one%EF%BC%81%E6%AC%A1", "/one"),
        ("/static/app.000000000000.css>", "/static/app.000000000000.css"),
    ],
)
def test_a_path_that_was_copied_with_the_text_around_it_leads_to_the_page(
    client: httpx.Client, copied: str, meant: str
) -> None:
    for method in ("GET", "HEAD"):
        answer = client.request(method, copied)
        assert answer.status_code == 308 and answer.headers["location"] == meant
        assert answer.headers["x-content-type-options"] == "nosniff" and answer.content == b""


def test_a_path_that_no_route_knows_and_a_form_are_not_redirected(client: httpx.Client) -> None:
    for path in ("/nowhere", "/..%2Fone.", "/nowhere/%E3%80%82", "/nowhere//one!", "/%E4%BD%90one"):
        assert client.get(path).status_code == 404, path
    assert client.post("/one%E3%80%82").status_code == 404


def test_a_site_with_logins_is_closed_to_scripts_of_others(client: httpx.Client) -> None:
    asked = {"origin": "https://other.example", "access-control-request-method": "POST"}
    for answer in (client.get("/one", headers=asked), client.options("/form", headers=asked)):
        assert "access-control-allow-origin" not in answer.headers
