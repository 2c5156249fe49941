"""What `akashi anchor` prints: tables for people, JSON for programs. JSON fields are added, never redefined."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from rich.table import Table

from services.anchor.domain.costs import ETHER, Cost, Forecast
from services.anchor.network.migration import Migration, MigrationProgress
from services.anchor.network.network_status import AnchorStatus, NetworkStatus
from shared.chain.networks import GWEI
from shared.clock import JST
from shared.plain_text import in_json
from shared.runtime.commands import plain_console, say


def status_json(status: AnchorStatus) -> str:
    return _json(
        {
            "at": _moment(status.at),
            "waiting_leaves": status.waiting.count,
            "oldest_waiting_at": _moment(status.waiting.oldest_at),
            "batches": status.closed,
            "batches_incomplete": status.undecided,
            "networks": [_network(each) for each in status.networks],
        }
    )


def _network(each: NetworkStatus) -> dict[str, Any]:
    network, chain = each.connection.network, each.chain
    return {
        "network": network.id,
        "chain_id": network.chain_id,
        "contract": network.contract,
        "account": each.connection.sender.address,
        "retired": network.retired,
        "answers": chain is not None,
        "away": each.away or None,
        "endpoints": len(network.rpc_urls),
        "endpoints_sound": each.sound,
        "balance_ether": chain.balance / ETHER if chain else None,
        "balance_pays_for": each.pays_for,
        "base_fee_gwei": chain.base_fee / GWEI if chain else None,
        "max_fee_gwei": network.max_fee_gwei,
        "finalized_block": chain.finalized_block if chain else None,
        "finality_seconds": chain.finality_seconds if chain else None,
        "anchorings": dict(each.counts.states),
        "roots_final": each.counts.roots,
        "roots_on_the_way": each.counts.pending_roots,
        "oldest_pending_at": _moment(each.counts.oldest_pending_at),
        "last_error": each.counts.last_error,
        "ends_on": network.ends_on.isoformat() if network.ends_on else None,
        "badges_outliving": each.uncovered.count,
        "warnings": list(each.warnings),
    }


_HEADS = (
    ("ネットワーク", "network"),
    ("残高", "balance"),
    ("払える根の数", "pays for roots"),
    ("基本料", "base fee"),
    ("確定ブロック", "final block"),
    ("確定まで", "final after"),
    ("根", "roots"),
    ("送信中", "on the way"),
)


def print_status(status: AnchorStatus) -> None:
    console = plain_console(highlight=False)
    since = _japan(status.waiting.oldest_at) if status.waiting.oldest_at else None
    oldest = (f"、最も古いものは {since} から", f", the oldest since {since}") if since else ("", "")
    waiting, closed, undecided = status.waiting.count, status.closed, status.undecided
    console.print(f"束を待つ葉 {waiting}{oldest[0]} / {waiting} leaves wait for a batch{oldest[1]}")
    console.print(f"束 {closed}、うち未完了 {undecided} / {closed} batches, {undecided} of them not complete yet")
    table = Table(box=None, pad_edge=False, header_style="dim")
    for ja, en in _HEADS:
        table.add_column(f"{ja}\n{en}", justify="left" if en == "network" else "right")
    for each in status.networks:
        network, chain = each.connection.network, each.chain
        name = f"{network.id} (retired)" if network.retired else network.id
        roots = (str(each.counts.roots), str(each.counts.pending_roots))
        if chain is None:
            table.add_row(name, "?", "?", "?", "?", "?", *roots)
            continue
        table.add_row(
            name,
            f"{chain.balance / ETHER:.4f} ETH",
            f"{each.pays_for}",
            f"{chain.base_fee / GWEI:.3f} gwei",
            str(chain.finalized_block),
            f"{chain.finality_seconds} s",
            *roots,
        )
    console.print(table)
    for each in status.networks:
        if each.counts.oldest_pending_at:
            since = _japan(each.counts.oldest_pending_at)
            console.print(
                f"{each.connection.network.id}: 送信中で最も古い束 / the oldest on its way was closed {since}"
            )
        if each.counts.last_error:
            console.print(
                f"{each.connection.network.id}: 直近の失敗 / last error: {each.counts.last_error}", style="dim"
            )
        for warning in each.warnings:
            console.print(f"{each.connection.network.id}: {warning}", style="yellow")


def forecast_json(forecast: Forecast) -> str:
    return _json(
        {
            "leaves": forecast.leaves,
            "depth": forecast.depth,
            "closes_at": _moment(forecast.closes_at),
            "networks": [
                {
                    "network": each.network,
                    **_cost(each.cost),
                    "final_in_seconds": each.final_in.total_seconds() if each.final_in is not None else None,
                    "balance_ether": each.balance / ETHER if each.balance is not None else None,
                    "away": each.away or None,
                }
                for each in forecast.networks
            ],
        }
    )


def print_forecast(forecast: Forecast) -> None:
    console = plain_console(highlight=False)
    closes = _japan(forecast.closes_at) if forecast.closes_at else None
    ja = f"、{closes} までに閉じます" if closes else "、送るものはありません"
    en = f", closed by {closes}" if closes else ": nothing would be sent"
    console.print(f"葉 {forecast.leaves}、木の深さ {forecast.depth}{ja}")
    console.print(f"{forecast.leaves} leaves, a tree {forecast.depth} deep{en}")
    for each in forecast.networks:
        if each.cost is None or each.final_in is None or each.balance is None:
            console.print(f"{each.network}: {each.away}", style="yellow")
            continue
        gas, balance = f"{each.network}: {each.cost.gas} gas", f"{each.balance / ETHER:.4f} ETH"
        now, most = f"{each.cost.now / ETHER:.6f} ETH", f"{each.cost.most / ETHER:.6f}"
        console.print(f"{gas}、今の手数料で {now}、最大 {most}、送信から確定まで約 {each.final_in}、残高 {balance}")
        console.print(
            f"{gas}, {now} at the fee of now, at most {most}; final about {each.final_in} after it is sent;"
            f" the account holds {balance}"
        )


def migration_json(
    network: str, planned: Migration, cost: Cost, progress: MigrationProgress, *, only_plan: bool
) -> str:
    return _json(
        {
            "network": network,
            "dry_run": only_plan,
            "roots": planned.roots,
            "there_already": len(planned.known),
            "transactions": len(planned.chunks),
            **_cost(cost),
            "final": progress.final,
            "on_the_way": progress.pending,
            "last_error": progress.last_error,
        }
    )


def print_migration(network: str, planned: Migration, cost: Cost) -> None:
    console, transactions = plain_console(highlight=False), len(planned.chunks)
    now, most = f"{cost.now / ETHER:.6f} ETH", f"{cost.most / ETHER:.6f}"
    console.print(
        f"{network}: 根 {planned.roots} 個を {transactions} 回の送信で、{len(planned.known)} 個は登録済み。"
        f"{cost.gas} gas、今の手数料で {now}、最大 {most}"
    )
    console.print(
        f"{network}: {planned.roots} roots by {transactions} transactions, {len(planned.known)} are there already;"
        f" {cost.gas} gas, {now} at the fee of now, at most {most}"
    )


def print_progress(progress: MigrationProgress) -> None:
    error = f" · {progress.last_error}" if progress.last_error else ""
    done, waits = progress.final, progress.pending
    say(f"確定 {done}、送信中 {waits} / {done} final, {waits} on the way{error}")


def _cost(cost: Cost | None) -> dict[str, Any]:
    return {
        "gas": cost.gas if cost else None,
        "fee_now_ether": cost.now / ETHER if cost else None,
        "fee_most_ether": cost.most / ETHER if cost else None,
    }


def _json(content: dict[str, Any]) -> str:
    return in_json(msgspec.json.format(msgspec.json.encode(content), indent=1).decode())


def _moment(moment: datetime | None) -> str | None:
    return moment.astimezone(JST).isoformat(timespec="seconds") if moment else None


def _japan(moment: datetime | None) -> str:
    return moment.astimezone(JST).strftime("%Y-%m-%d %H:%M JST") if moment else "-"
