"""The played holders of the demo, at a real wallet: they receive and press nothing else, however often they do it."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from deploy.local.demo.holders import HolderStuck, Played, play, receive
from deploy.local.demo.letters import Letter
from deploy.local.demo.play import play_command
from shared.events import BadgeReceived, BadgeVisibilityChanged
from tests.worlds.wallet import Wallet, corrected, revoked

pytest_plugins = ("tests.worlds.wallet_fixtures",)


class Box:
    """A mailbox whose letters come once."""

    def __init__(self, *letters: Letter) -> None:
        self._letters = list(letters)

    def new(self) -> list[Letter]:
        letters, self._letters = self._letters, []
        return letters


def letter(wallet: Wallet, assertion_id: str, to: str) -> Letter:
    return Letter(f"<{assertion_id}@x>", to, "授与", "", wallet.url + wallet.link(assertion_id), "高橋 一郎")


def decided(wallet: Wallet) -> list[str]:
    return [type(e).__name__ for e in wallet.announced() if isinstance(e, BadgeReceived | BadgeVisibilityChanged)]


def test_a_holder_who_is_played_again_leaves_the_badge_alone(wallet: Wallet) -> None:
    badge = wallet.issue("a@example.jp").assertion_id
    waiting = wallet.issue("a@example.jp").assertion_id
    mail = letter(wallet, badge, "a@example.jp")
    assert receive(mail) and not receive(mail)  # on its way
    wallet.finish(badge)
    for _ in range(4):
        assert not receive(mail)  # finished: its page has a button that hides the numbers
    assert decided(wallet) == ["BadgeReceived"]
    assert receive(letter(wallet, waiting, "a@example.jp"))  # the same person's other badge, by signing in
    assert decided(wallet) == ["BadgeReceived"] * 2


def test_a_holder_whose_badge_is_gone_leaves_it_alone(wallet: Wallet) -> None:
    gone, elsewhere = wallet.issue("b@example.jp"), wallet.issue("c@example.jp")
    wallet.consume(revoked(gone.assertion_id), corrected(elsewhere, "d@example.jp"))
    for each, to in ((gone, "b@example.jp"), (elsewhere, "c@example.jp")):
        assert not receive(letter(wallet, each.assertion_id, to))
    assert decided(wallet) == []


def test_playing_says_how_many_received_and_how_many_were_left(wallet: Wallet) -> None:
    mails = [letter(wallet, wallet.issue(to).assertion_id, to) for to in ("e@example.jp", "f@example.jp")]
    assert play(Box(mails[0]), people=None, seconds=0.5) == Played(1, 0)
    assert play(Box(*mails), people=None, seconds=0.5) == Played(1, 1)


def test_a_letter_that_leads_to_no_badge_is_a_fault(wallet: Wallet) -> None:
    badge = wallet.issue("g@example.jp").assertion_id
    wrong = letter(wallet, badge, "g@example.jp")._replace(link=f"{wallet.url}/receive/{badge}/x")
    with pytest.raises(HolderStuck, match="404"):
        receive(wrong)


@pytest.mark.parametrize("is_there", [False, True])
def test_without_a_stack_the_command_ends_with_a_sentence_and_code_2(tmp_path, is_there: bool) -> None:  # type: ignore[no-untyped-def]
    if is_there:
        (tmp_path / "inbox").mkdir()
        link = "http://127.0.0.1:9/receive/A/x"
        text = f"Message-ID: <a@x>\nTo: a@example.jp\nSubject: x\n\nA 様\n\n{link}\n"
        (tmp_path / "inbox" / "1.eml").write_text(text, encoding="utf-8")
    result = CliRunner().invoke(play_command, ["--seconds", "0.3"], env={"AKASHI_HOME": str(tmp_path)})
    assert result.exit_code == 2 and isinstance(result.exception, SystemExit)
    assert "akashi up" in result.stderr or "akashi status" in result.stderr
