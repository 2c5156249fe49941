"""The letters about an account, from the wallet's page to the mailbox and back: each has a giver and a taker."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import httpx

from deploy.local.demo.letters import Inbox, Letter
from deploy.local.stack import Stack
from tests.worlds.story import Story, until

PASSWORD, NEW = "correct horse battery", "yaki-imo 43 enpitsu"


def test_a_holder_is_written_to_about_the_account_and_goes_on_by_the_links(stack: Stack) -> None:
    inbox, kept = Inbox(stack.home / "inbox", skip_present=True), list[Letter]()
    story = Story(stack, "LETTERS", 1)
    story.feed()
    further = "letters.further@example.jp"

    def written(to: str, word: str) -> str:
        """The path of the link in the letter with this word; of a notice its text."""

        def found() -> str | None:
            kept.extend(letter for letter in inbox.new() if letter.to.startswith("letters."))
            for letter in [letter for letter in kept if letter.to == to and word in letter.text]:
                kept.remove(letter)
                link = re.search(r"http://\S+/(?:receive|reset|verify)/\S+", letter.text)
                return urlsplit(link[0]).path if link else letter.text
            return None

        return str(until(found, seconds=60, what=f"a letter with {word}"))

    story.wait("notified", at_least=1)
    address = "letters.000000@crowd.example.jp"
    first = written(address, "受領手続き")
    with httpx.Client(base_url=stack.urls["wallet"], follow_redirects=True, trust_env=False, timeout=30) as browser:
        page = browser.post(first, data={"full_name": "見本 太郎", "password": PASSWORD})
        assert page.url.path.startswith("/badges/")

        browser.post("/forgot", data={"email": address})
        reset = written(address, "パスワードを新しくする")
        assert browser.post(reset, data={"password": NEW}).url.path == "/badges"
        assert "パスワードが変わりました" in written(address, "お心当たりのない場合は、すぐに")

        browser.post("/account/addresses", data={"email": further, "current": NEW})
        assert browser.post(written(further, "登録されようとしています")).url.path == "/account"
        assert "メールアドレスが追加されました" in written(address, "お心当たりのない場合は、すぐに")

        browser.post("/account/delete", data={"word": "削除", "current": NEW})
        assert "アカウントが削除されました" in written(address, "お心当たりのない場合は、すぐに")
        assert browser.get(first).status_code == 410
        browser.post(f"{first}/new-link")
        again = browser.post(written(address, "新しいURL"), data={"full_name": "見本 太郎", "password": PASSWORD})
        assert again.url.path == page.url.path
    until(
        lambda: story.count("received", "anchored", "rendered", "completed"), seconds=60, what="the badge is received"
    )
