"""`akashi rehearse`: the dry run of a whole cohort, from people to relay. Changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from shared.runtime.commands import json_option, say, say_json

if TYPE_CHECKING:
    from services.ops.rehearsal.answers import Rehearsal

_SECONDS = 120.0
_DOMAINS = 10
_MARK = {"fault": "✗", "not-asked": "–", "ok": "✓"}


@click.command(short_help="4月1日の予行 / Rehearsal of April 1")
@click.option("--cohort", help="年度（指定がなければ登録の受付の設定）。 / Cohort (default: that of registration).")
@json_option
def rehearse(cohort: str | None, as_json: bool) -> None:
    """発行の予行です。だれに届くか、保留はだれか、かかる時間と手数料、鍵・証明書・DNS・メールなどの点検と次の手順を
    出します。何も変えません。

    Rehearses the issue of a cohort: who gets a badge and who is held, by desk; time and fee; keys, certificates, DNS,
    relay, chain and the rest, each well or with the next step. Changes nothing.

    Exit code 0: nothing is at fault. 1: something is, or refused. 2: no answer of ops.
    """
    from services.ops.commands.client import fetch_within
    from services.ops.rehearsal.answers import Rehearsal

    found = fetch_within(_SECONDS, "/api/v1/rehearsal", Rehearsal, cohort=cohort)
    if as_json:
        say_json(found, indent=2)
    else:
        _print(found)
    raise SystemExit(0 if found.is_ready else 1)


def _print(found: Rehearsal) -> None:
    from services.ops.rehearsal.durations import duration

    left = f"（あと{found.days_left}日 / in {found.days_left} days）" if (found.days_left or 0) > 0 else ""
    say(f"{found.cohort or '–'}年度の予行 / rehearsal of cohort {found.cohort or '–'}{left}")
    for desk in found.desks or ():
        say(
            f"{desk.name}: これから {desk.coming:,}、発行中・発行済み {desk.released:,}、保留 {desk.held:,}"
            f" / {desk.coming:,} to come, {desk.released:,} on their way, {desk.held:,} held"
        )
        for reason, count in desk.held_by_reason.items():
            say(f"  {count:>7,}  {_reason(reason)}")
    for stage in found.stages:
        time, basis = duration(stage.seconds), ("実測", "measured") if stage.measured else ("資料", "documented")
        say(f"{_stage(stage.stage)}: {time.ja} / {time.en}（{stage.per_second:.1f}/s {basis[0]} / {basis[1]}）")
    if found.letters is not None:
        time = duration(found.letters.seconds)
        say(f"お知らせ {found.letters.letters:,}通: {time.ja}以上 / letters: {time.en} at least")
        for each in sorted(found.letters.domains, key=lambda each: -each.seconds)[:_DOMAINS]:
            time = duration(each.seconds)
            say(f"  {each.letters:>7,}  {each.domain or 'そのほか others'}  {time.ja} / {time.en}")
    if found.batches is not None:
        say(
            f"記録 {found.batches.batches}回以上、深さ {found.batches.depth}"
            f" / at least {found.batches.batches} batches, depth {found.batches.depth}"
        )
        for network in found.batches.networks:
            fees = [_ether(each) for each in (network.fee_now, network.fee_most, network.balance)]
            say(f"  {network.network}: 手数料 {fees[0]}、高くて {fees[1]}、残高 {fees[2]} / fee, at most, balance")
    for line in found.checks:
        about = f" {line.about}" if line.about else ""
        say(f"{_MARK[line.state]} {line.name.ja} / {line.name.en}（{line.service}{about}）")
        if line.found is not None and line.next is not None:
            say(f"    {line.found.ja} → {line.next.ja}")
            say(f"    {line.found.en} → {line.next.en}")
    if found.is_ready:
        say("準備ができています。 / Ready.")
    else:
        say(f"直すところが{found.faults}件あります。 / {found.faults} to put right.")


def _reason(reason: str) -> str:
    from services.ops.board import wording

    words = wording.HELD_REASONS.get(reason)
    return reason if words is None else f"{words.name.ja} / {words.name.en}"


def _stage(stage: str) -> str:
    from services.ops.board import wording

    return f"{wording.STAGES[stage].ja} / {wording.STAGES[stage].en}"


def _ether(wei: int | None) -> str:
    return "–" if wei is None else f"{wei / 10**18:.6f} ETH"
