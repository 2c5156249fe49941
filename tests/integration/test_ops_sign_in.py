"""Who may see and do what on the office's pages: sign-in, roles, desks, sessions; the accounts' commands."""

from __future__ import annotations

import csv
import getpass
import io
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner, Result

from services.ops import queries
from services.ops.cli import main
from services.ops.config import Links
from services.ops.ports import Ports
from services.ops.sources.lag import LagMeter
from services.ops.store.events import Store
from services.ops.web.site import is_for_office
from shared.office_events import AccountChanged, OfficeDecided
from shared.runtime.access import Access
from shared.runtime.log import configure
from shared.runtime.web.office_accounts import IDLE, LONGEST_SESSION
from shared.wire import decode
from tests.worlds.cohorts import NOON, assertion_id, cycle, held
from tests.worlds.http_server import serving
from tests.worlds.ops import BOARD_AGE, NoBroker, dead_letter, empty, ops_store, outbox, tell
from tests.worlds.ops_site import KEY, at_board, sign_in, site_of

PASSWORD = "tofu lantern 42 gravel"
OTHER = "seven quiet umbrellas"
NAME = "山田 花子"
OWN, ELSEWHERE = "gishi", "shindanshi"  # qualifications of two desks


class Clock:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


class Site:
    def __init__(self, base: str, ports: Ports, clock: Clock) -> None:
        self.base, self.ports, self.clock = base, ports, clock

    def browser(self) -> httpx.Client:
        return httpx.Client(base_url=self.base, headers={"accept-language": "ja"}, trust_env=False)

    def akashi(self, *words: str) -> Result:
        return CliRunner().invoke(main, ["office", *words], env=at_board(self.base))

    def sign_in(
        self, browser: httpx.Client, name: str = NAME, password: str = PASSWORD, next: str = "/"
    ) -> httpx.Response:
        return browser.post("/sign-in", data={"name": name, "password": password, "next": next})


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[Store, Site, object]]:
    configure("json")  # the service's log goes to the real stderr, not into a command's output
    clock = Clock()
    with ops_store(clock) as store:
        ports = Ports(store=store, lag=LagMeter(NoBroker()), now=clock)
        app = site_of(ports, Links(None, None, None))
        with serving(app) as base:
            yield store, Site(base, ports, clock), app


@pytest.fixture
def site(served: tuple[Store, Site, object]) -> Site:
    store, site, _ = served
    empty(store)
    site.clock.now = NOON
    return site


@pytest.fixture
def password_file(tmp_path: Path) -> str:
    (tmp_path / "password").write_text(PASSWORD + "\n")
    return str(tmp_path / "password")


@pytest.fixture
def account(site: Site, password_file: str) -> Site:
    made = site.akashi("add", NAME, "--role", "office", "--desk", desk_of(OWN), "--password-file", password_file)
    assert made.exit_code == 0, made.output
    return site


def desk_of(qualification: str) -> str:
    from tests.worlds.ops_site import PROGRAMME

    return PROGRAMME.qualifications[qualification].desk


def routes(app: object) -> list[tuple[str, str]]:
    """Each method and path of the site, with an id for what a path names."""
    found = []
    for route in app.routes:  # type: ignore[attr-defined]
        path = route.path.replace("{id:path}", "R00001").replace("{id}", "x").replace("{act}", "replay")
        path = path.replace("{stage}", "issued").replace("{name}", "app.css")
        found += [(method, path) for method in sorted(route.methods - {"HEAD"})]
    assert len(found) > 50
    return found


OPEN = {("GET", "/sign-in"), ("POST", "/sign-in"), ("GET", "/healthz"), ("GET", "/static/app.css")}


def test_every_route_leads_to_the_sign_in_page_or_wants_the_key(served: tuple[Store, Site, object], site: Site) -> None:
    with site.browser() as browser:
        for method, path in routes(served[2]):
            answer = browser.request(method, path)
            if (method, path) in OPEN:
                assert answer.status_code in (200, 404, 422), path
            elif path.startswith("/api/"):
                assert answer.status_code == 401 and KEY not in answer.text, path
                wrong = browser.request(method, path, headers={"authorization": "Bearer " + KEY[:-1]})
                assert wrong.status_code == 401, path
            else:
                assert answer.status_code == 303 and answer.headers["location"].startswith("/sign-in?next=/"), path


def test_a_session_opens_no_api_and_the_key_opens_no_page(account: Site) -> None:
    with account.browser() as browser:
        account.sign_in(browser)
        assert browser.get("/people").status_code in (200, 404)
        assert browser.get("/api/v1/people").status_code == 401
    with account.browser() as browser:
        assert browser.get("/", headers={"authorization": f"Bearer {KEY}"}).status_code == 303


def test_after_signing_in_one_is_where_one_wanted_to_go(account: Site) -> None:
    tell(account.ports, *cycle(1))
    with account.browser() as browser:
        asked = browser.get("/search?q=%E8%A6%8B%E6%9C%AC&lang=en")
        page = browser.get(asked.headers["location"])
        assert 'value="/search?q=' in page.text
        answer = account.sign_in(browser, next="/search?q=見本&lang=en")
        assert answer.headers["location"] == "/search?q=%E8%A6%8B%E6%9C%AC&lang=en"
        assert "R00001" in browser.get(answer.headers["location"]).text
        cookie = answer.headers["set-cookie"]
        assert "HttpOnly" in cookie and "SameSite=lax" in cookie


@pytest.mark.parametrize(
    ("sent_to", "page"),
    [
        ("/people/R00001", "/people/R00001"),
        ("/revoke/R00001", "/revoke/R00001"),
        ("/erase/R00001", "/erase/R00001"),
        ("/dead-letters/some-id", "/dead-letters"),
        ("/letters", "/letters"),
    ],
)
def test_a_form_that_is_sent_after_the_session_has_ended_is_said_to_be_unsent_and_the_sign_in_leads_to_its_page(
    account: Site, sent_to: str, page: str
) -> None:
    tell(account.ports, *cycle(1))
    with account.browser() as browser:
        account.sign_in(browser)
        account.clock.now += IDLE
        answer = browser.post(sent_to, data={"act": "hold", "why": "電話"})
        said = browser.get(answer.headers["location"]).text
        assert "いまの操作は行われていません" in said and f'value="{page}"' in said
        assert "いまの操作は行われていません" not in browser.get("/sign-in").text
        assert "unsent" not in browser.get(page).headers["location"]
        assert "unsent" not in browser.post("/sign-out").headers["location"]


def test_over_https_the_cookie_belongs_to_this_host_alone(account: Site) -> None:
    app = site_of(account.ports, Links(None, None, None), access=Access(proxies=("127.0.0.1",)))
    with serving(app) as base, httpx.Client(base_url=base, headers={"x-forwarded-proto": "https"}) as browser:
        cookie = account.sign_in(browser).headers["set-cookie"]
        assert cookie.startswith("__Host-office=") and "Domain" not in cookie
        assert "Secure" in cookie and "HttpOnly" in cookie and "Path=/" in cookie


@pytest.mark.parametrize(
    "target",
    [
        *("https://evil.example/", "//evil.example/", "/\\evil.example", "\\\\evil.example", "http:evil.example"),
        *("javascript:alert(1)", "/\t/evil.example", "/\n/evil.example", "evil.example", "", " //evil.example"),
        *("/sign-out", "/%73ign-out", "/api/v1/people", "/people\r\nSet-Cookie: a=b"),
    ],
)
def test_no_link_leads_from_the_sign_in_page_to_another_site(account: Site, target: str) -> None:
    with account.browser() as browser:
        assert account.sign_in(browser, next=target).headers["location"] == "/"
        assert browser.get("/sign-in", params={"next": target}).headers["location"] == "/"


def test_an_unknown_name_and_a_wrong_password_get_the_same_answer(account: Site) -> None:
    with account.browser() as browser:
        wrong, unknown = (account.sign_in(browser, name, "wrong wrong wrong") for name in (NAME, "佐藤 一郎"))
        assert wrong.status_code == unknown.status_code == 422
        assert wrong.text.replace(NAME, "") == unknown.text.replace("佐藤 一郎", "")
        for name in ("山\u202e田", "x" * 500, "\x00", ""):
            assert account.sign_in(browser, name).status_code == 422
        assert account.sign_in(browser, "ﾔﾏﾀﾞ").status_code == 422
        assert account.sign_in(browser, "　山田花子 ").status_code == 303  # width and spaces don't matter


def test_after_ten_tries_nobody_is_let_in_from_there_for_a_quarter_of_an_hour(account: Site) -> None:
    with account.browser() as browser:
        tries = [account.sign_in(browser, password="wrong wrong wrong").status_code for _ in range(11)]
        assert tries == [422] * 10 + [429]
        assert account.sign_in(browser).status_code == 429
        account.clock.now += timedelta(minutes=16)
        assert account.sign_in(browser).status_code == 303


def test_one_source_cannot_try_many_names(account: Site) -> None:
    with account.browser() as browser:
        tries = [account.sign_in(browser, f"name {number}").status_code for number in range(51)]
        assert tries == [422] * 50 + [429] and account.sign_in(browser).status_code == 429


def test_a_session_ends_when_it_is_idle_when_it_is_old_and_when_one_signs_out(account: Site) -> None:
    with account.browser() as browser:
        account.sign_in(browser)
        account.clock.now += IDLE - timedelta(minutes=1)
        assert browser.get("/decisions").status_code == 200
        account.clock.now += IDLE - timedelta(minutes=1)
        assert browser.get("/decisions").status_code == 200
        account.clock.now += IDLE
        assert browser.get("/decisions").status_code == 303
        account.sign_in(browser)
        for _ in range(int(LONGEST_SESSION / timedelta(minutes=50))):
            assert browser.get("/decisions").status_code == 200
            account.clock.now += timedelta(minutes=50)
        account.clock.now += timedelta(minutes=20)
        assert browser.get("/decisions").status_code == 303
        account.sign_in(browser)
        stolen = dict(browser.cookies)
        assert browser.post("/sign-out").headers["location"] == "/sign-in?left=1"
    with account.browser() as thief:
        thief.cookies.update(stolen)
        assert thief.get("/decisions").status_code == 303


def test_a_token_that_was_planted_is_worth_nothing_after_the_sign_in(account: Site) -> None:
    with account.browser() as first, account.browser() as second:
        account.sign_in(first)
        second.cookies.update(first.cookies)
        account.sign_in(second)
        assert first.get("/decisions").status_code == 303 and second.get("/decisions").status_code == 200


def test_a_changed_password_signs_out_all_other_browsers(account: Site) -> None:
    with account.browser() as here, account.browser() as there:
        account.sign_in(here)
        account.sign_in(there)
        for form, said in (
            ({"present": "wrong", "new": OTHER}, "パスワードが違います"),
            ({"present": PASSWORD, "new": "short"}, "短すぎます"),
            ({"present": PASSWORD, "new": "山田花子山田花子"}, "推測され"),
        ):
            refused = here.post("/password", data=form)
            assert refused.status_code == 422 and said in refused.text
        assert (
            here.post("/password", data={"present": PASSWORD, "new": OTHER}).headers["location"] == "/password?done=1"
        )
        assert here.get("/decisions").status_code == 200 and there.get("/decisions").status_code == 303
        assert account.sign_in(there).status_code == 422 and account.sign_in(there, password=OTHER).status_code == 303


def test_a_drawn_password_opens_nothing_but_the_page_that_changes_it(site: Site) -> None:
    drawn = json.loads(site.akashi("add", NAME, "--role", "admin", "--generate", "--json").stdout)["password"]
    with site.browser() as browser:
        site.sign_in(browser, password=drawn)
        assert browser.get("/people?state=held").headers["location"] == "/password?next=/people%3Fstate%3Dheld"
        assert browser.post("/password", data={"present": drawn, "new": drawn}).status_code == 422
        done = browser.post("/password", data={"present": drawn, "new": OTHER, "next": "/people?state=held"})
        assert done.headers["location"] == "/people?state=held"
        assert browser.get("/decisions").status_code == 200


# ── the commands ───────────────────────────────────────────────────────────────────────────────────────


def test_accounts_are_added_listed_given_another_password_and_removed(account: Site, password_file: str) -> None:
    assert account.akashi("list").stdout == f"{NAME}\t窓口の担当 office\t{desk_of(OWN)}\n"
    again = account.akashi("add", "山田花子", "--role", "admin", "--password-file", password_file)
    assert again.exit_code == 1 and "has an account" in again.stderr
    with account.browser() as browser:
        account.sign_in(browser)
        assert account.akashi("password", NAME, "--generate").exit_code == 0
        assert browser.get("/decisions").status_code == 303
        account.akashi("password", NAME, "--password-file", password_file)
        account.sign_in(browser)
        assert account.akashi("remove", NAME).exit_code == 0
        assert browser.get("/decisions").status_code == 303
        assert account.sign_in(browser).status_code == 422
    assert account.akashi("remove", NAME).exit_code == 1
    assert account.akashi("list").stdout == ""


def test_a_role_or_a_desk_is_changed_with_its_sessions_ended_and_the_password_kept(account: Site) -> None:
    tell(account.ports, *cycle(1, qualification=OWN), *cycle(2, qualification=ELSEWHERE))
    steps = (
        (("--role", "office", "--desk", desk_of(ELSEWHERE)), ("R00002", "R00001")),
        (("--role", "admin"), ("R00001", None)),
    )
    with account.browser() as browser:
        for words, (seen, hidden) in steps:
            account.sign_in(browser)
            changed = account.akashi("role", "山田花子", *words, "--by", "佐藤", "--reason", "異動")
            assert changed.exit_code == 0, changed.output
            assert browser.get("/decisions").status_code == 303
            assert account.sign_in(browser).is_redirect
            text = browser.get("/people").text
            assert seen in text and (hidden is None or hidden not in text)
        assert browser.get("/accounts").is_success
    assert account.akashi("list").stdout.startswith(f"{NAME}\t管理者 admin\t")
    assert changes(account)[1:] == [(NAME, "role", "佐藤", "異動")] * 2
    (*_, last) = (decode(value) for _, _, value in outbox(account.ports))
    assert isinstance(last, AccountChanged)
    assert (last.role, last.desk, last.former_role, last.former_desk) == ("admin", None, "office", desk_of(ELSEWHERE))


@pytest.mark.parametrize(
    "words", [("role", NAME, "--role", "office", "--desk", "gishi"), ("remove", NAME), ("remove", "山田花子")]
)
def test_the_last_administrator_keeps_the_role_and_the_account(
    site: Site, password_file: str, words: tuple[str, ...]
) -> None:
    assert site.akashi("add", NAME, "--role", "admin", "--password-file", password_file).exit_code == 0
    assert site.akashi("add", "窓口", "--role", "office", "--desk", "gishi", "--generate").exit_code == 0
    with site.browser() as browser:
        site.sign_in(browser)
        refused = site.akashi(*words)
        assert refused.exit_code == 1 and "the only administrator" in refused.stderr
        assert browser.get("/accounts").is_success  # and stays signed in
    assert [change for _, change, _, _ in changes(site)] == ["added"] * 2
    assert site.akashi("add", "佐藤", "--role", "admin", "--password-file", password_file).exit_code == 0
    assert site.akashi(*words).exit_code == 0


def test_of_two_administrators_who_take_the_role_from_each_other_at_once_one_keeps_it(
    site: Site, password_file: str
) -> None:
    names = [NAME, "佐藤"]
    for name in names:
        assert site.akashi("add", name, "--role", "admin", "--password-file", password_file).exit_code == 0

    def demoted(name: str) -> int:
        body = {"name": name, "role": "office", "desk": "gishi"}
        headers = {"authorization": f"Bearer {KEY}"}
        return httpx.post(f"{site.base}/api/v1/office/role", json=body, headers=headers, trust_env=False).status_code

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(demoted, names)) == [200, 409]
    assert site.akashi("list").stdout.count("admin") == 1


@pytest.mark.parametrize(
    "words",
    [
        ("role", NAME, "--role", "office"),
        ("role", NAME, "--role", "office", "--desk", "nowhere"),
        ("role", NAME, "--role", "admin", "--desk", "gishi"),
        ("role", NAME, "--role", "office", "--desk", "gishi"),  # as it is
        ("role", "nobody", "--role", "admin"),
    ],
)
def test_a_role_that_cannot_be_is_refused_and_ends_no_session(account: Site, words: tuple[str, ...]) -> None:
    assert desk_of(OWN) == "gishi"
    with account.browser() as browser:
        account.sign_in(browser)
        assert account.akashi(*words).exit_code == 1
        assert browser.get("/decisions").status_code == 200
    assert len(changes(account)) == 1


def test_on_the_page_a_role_is_changed_and_an_account_removed_after_a_page_that_asks(account: Site) -> None:
    with account.browser() as browser:
        sign_in(account.ports.store, browser, "事務局")
        asked = browser.post("/accounts", data={"act": "role", "name": NAME, "why": "異動"})
        assert asked.status_code == 200 and 'value="異動"' in asked.text and "ログアウト" in asked.text
        assert f'value="{desk_of(OWN)}" selected' in asked.text
        no_desk = browser.post("/accounts", data={"act": "role", "name": NAME, "role": "office", "why": "異動"})
        assert no_desk.status_code == 409 and "窓口を選んでください" in no_desk.text
        form = {"act": "role", "name": NAME, "role": "admin", "desk": desk_of(OWN), "why": "異動"}
        done = browser.post("/accounts", data=form)
        assert done.is_success and "役割・窓口を変えました" in done.text
        assert browser.post("/accounts", data=form).status_code == 409
        asked = browser.post("/accounts", data={"act": "remove", "name": NAME, "why": "退職"})
        assert asked.status_code == 200 and 'value="退職"' in asked.text and "消すとどうなるか" in asked.text
        wrong = browser.post("/accounts", data={"act": "remove", "name": NAME, "why": "退職", "typed": "はい"})
        assert wrong.status_code == 422 and 'value="退職"' in wrong.text
        for own in ("事務局", "事務 局"):
            for act in ("role", "remove", "password"):
                assert browser.post("/accounts", data={"act": act, "name": own, "typed": "消す"}).status_code == 409
        assert browser.post("/accounts", data={"act": "remove", "name": "nobody"}).status_code == 404
        assert [change for _, change, _, _ in changes(account)] == ["added", "role"]
        gone = browser.post("/accounts", data={"act": "remove", "name": NAME, "why": "退職", "typed": " 消す "})
        assert gone.is_success and "消しました" in gone.text and NAME not in browser.get("/accounts").text
        record = browser.get("/decisions").text
    for words in ("アカウントの役割・窓口の変更", "前の役割", "前の窓口", "異動", "退職"):
        assert words in record, words


@pytest.mark.parametrize(
    "words",
    [
        ("add", NAME, "--role", "office"),
        ("add", NAME, "--role", "office", "--desk", "nowhere"),
        ("add", NAME, "--role", "admin", "--desk", "gishi"),
        ("add", "山\u202e田", "--role", "admin"),
        ("add", " ", "--role", "admin"),
        ("password", "nobody"),
    ],
)
def test_an_account_that_cannot_be_is_refused(site: Site, words: tuple[str, ...]) -> None:
    assert site.akashi(*words, "--generate").exit_code == 1
    assert site.akashi("list").stdout == ""


@pytest.mark.parametrize("password", ["kurz77!", "password1234", "コンクリート技士2026", "x" * 201])
def test_a_password_that_is_easily_guessed_is_refused(site: Site, tmp_path: Path, password: str) -> None:
    (tmp_path / "weak").write_text(password)
    made = site.akashi("add", NAME, "--role", "admin", "--password-file", str(tmp_path / "weak"))
    assert made.exit_code == 1 and password not in made.output


# ── roles and desks ────────────────────────────────────────────────────────────────────────────────────


def test_role_office_reaches_no_act_of_admins(served: tuple[Store, Site, object], account: Site) -> None:
    letter = dead_letter(account.ports)
    with account.browser() as browser:
        account.sign_in(browser)
        refused = [(method, path) for method, path in routes(served[2]) if not is_for_office(method, path)]
        for method, path in refused:
            if path.startswith("/api/") or (method, path) in OPEN or path in ("/password", "/sign-out"):
                continue
            form = {"act": "discard", "why": "x", "id": letter, "cohort": "2026", "digest": "x"}
            answer = browser.request(method, path, data=form if method == "POST" else None)
            assert answer.status_code == 403 and "管理者" in answer.text, path
        for act in ("hold", "resume"):
            assert browser.post("/letters", data={"act": act, "why": "x", "cohort": "2026"}).status_code == 403
        for page in ("/dead-letters", "/restores", "/rejected", "/undo"):
            assert page not in browser.get("/").text
    assert ordered(account) == []


def test_role_office_sees_and_acts_for_the_people_of_its_desk_only(account: Site) -> None:
    own = [*cycle(1, qualification=OWN), held(3, qualification=OWN)]
    others = [*cycle(2, qualification=ELSEWHERE), held(4, qualification=ELSEWHERE)]
    tell(account.ports, *own, *others)
    time.sleep(BOARD_AGE)  # so long the site shows the board that an earlier test asked for
    with account.browser() as browser:
        account.sign_in(browser)
        pages = [
            "/",
            "/board",
            "/people",
            "/people.csv",
            "/search?q=見本",
            "/people?state=held",
            "/letters",
            "/decisions",
        ]
        for page in pages:
            text = browser.get(page).raise_for_status().text
            assert "R00002" not in text and "R00004" not in text, page
        assert "R00001" in browser.get("/search?q=見本").text and "R00003" in browser.get("/").text
        assert browser.get("/people/R00001").status_code == 200
        for path in ("/people/R00002", "/people/R00004", "/revoke/R00002"):
            assert browser.get(path).status_code == 403, path
        for act in ("correct", "again", "resend", "address", "hold", "resume", "spell"):
            form = {"act": act, "why": "x", "version": 1, "address": "a@example.jp", "given_name": "x"}
            assert browser.post("/people/R00002", data=form).status_code == 403, act
        form = {"subject": assertion_id(2), "why": "x", "typed": "取り消し"}
        assert browser.post("/revoke/R00002", data=form).status_code == 403
        assert browser.post("/revoke/R00001", data=form).status_code == 409
        for id in (assertion_id(2), "R00002", "R00004"):  # of the badge, or of a registration, with a badge or without
            resend = {"act": "resend", "why": "x", "cohort": "2026", "message": f"{id}/award"}
            assert browser.post("/letters", data=resend).status_code == 403, id
        assert ordered(account) == []
        browser.post("/people/R00001", data={"act": "again", "why": "確認", "version": 1, "by": "somebody else"})
    (decided,) = ordered(account)
    assert isinstance(decided, OfficeDecided) and (decided.by, decided.why) == (NAME, "確認")


def test_an_admin_sees_everybody(site: Site) -> None:
    tell(site.ports, *cycle(1, qualification=OWN), *cycle(2, qualification=ELSEWHERE))
    with site.browser() as browser:
        sign_in(site.ports.store, browser)
        text = browser.get("/people").text
        assert "R00001" in text and "R00002" in text


# ── on record ──


def ordered(site: Site) -> list[object]:
    """What was announced besides changes of accounts."""
    found = (decode(value) for _, _, value in outbox(site.ports))
    return [event for event in found if not isinstance(event, AccountChanged)]


def changes(site: Site) -> list[tuple[str, str, str, str]]:
    """What was announced of accounts: account, change, by, why."""
    found = [decode(value) for _, _, value in outbox(site.ports)]
    return [(e.account, e.change, e.by, e.why) for e in found if isinstance(e, AccountChanged)]


def test_each_change_of_an_account_by_command_is_on_record_and_announced_with_role_and_desk(
    account: Site, password_file: str
) -> None:
    by = ("--by", "佐藤", "--reason", "異動")
    assert account.akashi("password", NAME, "--generate", *by).exit_code == 0
    assert account.akashi("remove", NAME, *by).exit_code == 0
    assert account.akashi("add", NAME, "--role", "admin", "--password-file", password_file, *by).exit_code == 0
    user = getpass.getuser()
    assert changes(account) == [
        (NAME, "added", user, ""),
        (NAME, "password", "佐藤", "異動"),
        (NAME, "removed", "佐藤", "異動"),
        (NAME, "added", "佐藤", "異動"),
    ]
    with account.browser() as browser:
        sign_in(account.ports.store, browser, "事務局")
        page = browser.get("/decisions").raise_for_status().text
        told = csv.reader(io.StringIO(browser.get("/decisions.csv").text.lstrip("\ufeff")))
    for words in ("アカウントの作成", "アカウントの削除", "アカウントのパスワード", "異動", "役割", desk_of(OWN)):
        assert words in page, words
    rows = [row for row in told if NAME in row]
    assert len(rows) == 7  # a line for each fact: the role, and of role office the desk
    lines = CliRunner().invoke(main, ["decisions", "--json"], env=at_board(account.base)).output.splitlines()
    record = sorted((line["decision"], line["subject"], line["by"]) for line in map(json.loads, lines))
    assert record == sorted((f"account-{change}", name, by) for name, change, by, _ in changes(account))


def test_who_changes_an_account_on_the_page_is_named_also_the_own_password(account: Site) -> None:
    with account.browser() as browser:
        sign_in(account.ports.store, browser, "事務局")
        for act in ("password", "remove"):
            form = {"act": act, "name": NAME, "why": "退職", "typed": "消す"}
            assert browser.post("/accounts", data=form).is_success
        drawn = browser.post("/accounts", data={"act": "add", "name": "鈴木", "role": "admin"}).text
    with account.browser() as browser:
        account.sign_in(browser, "鈴木", drawn.split('<p class="mono">')[1].split("<")[0])
        own = {"present": drawn.split('<p class="mono">')[1].split("<")[0], "new": OTHER}
        assert browser.post("/password", data=own).is_redirect
    assert changes(account)[1:] == [
        (NAME, "password", "事務局", "退職"),
        (NAME, "removed", "事務局", "退職"),
        ("鈴木", "added", "事務局", ""),
        ("鈴木", "password", "鈴木", ""),
    ]


def test_no_password_and_nothing_made_of_one_is_in_an_event_or_on_record(account: Site) -> None:
    drawn = json.loads(account.akashi("password", NAME, "--generate", "--json").output)["password"]
    with account.ports.store.transaction() as tx:
        hashes = [text for (text,) in tx.cursor.execute("select password_hash from office_accounts")]
        rows = str(tx.cursor.execute("select d::text from decisions d").fetchall())
    said = b"".join(value for _, _, value in outbox(account.ports)).decode() + rows
    assert drawn and hashes and len(changes(account)) == 2
    assert all(secret not in said for secret in (PASSWORD, drawn, *hashes, "argon", "scrypt"))


def test_what_was_refused_is_not_on_record(account: Site, tmp_path: Path) -> None:
    (tmp_path / "weak").write_text("password\n")
    for words in (
        ("add", NAME, "--role", "admin", "--generate"),  # it has an account
        ("add", "x", "--role", "office", "--generate"),
        ("password", "nobody", "--generate"),
        ("password", NAME, "--password-file", str(tmp_path / "weak")),
        ("remove", "nobody"),
    ):
        assert account.akashi(*words).exit_code != 0
    assert len(changes(account)) == 1


def test_the_same_change_twice_is_twice_on_record_and_read_again_from_kafka_it_is_once(account: Site) -> None:
    for _ in range(2):
        assert account.akashi("password", NAME, "--generate").exit_code == 0
    events = [decode(value) for _, _, value in outbox(account.ports)]
    assert len({event.id for event in events}) == 3
    tell(account.ports, *events)
    assert sorted(line.decision for line in queries.decisions(account.ports, None, limit=9)) == [
        "account-added",
        "account-password",
        "account-password",
    ]
    with account.ports.store.transaction() as tx:
        tx.cursor.execute("delete from decisions")
        tx.note_accounts([event for event in events if isinstance(event, AccountChanged)])  # after a restore
    assert len(queries.decisions(account.ports, None, limit=9)) == 3


def test_role_office_does_not_see_changes_of_accounts(account: Site) -> None:
    with account.browser() as browser:
        assert account.sign_in(browser).is_redirect
        assert "アカウントの作成" not in browser.get("/decisions").raise_for_status().text
