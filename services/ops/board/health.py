"""What each service says of itself at /metrics, and what of it needs somebody. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import msgspec

from services.ops.board.chain import CHAIN_SAMPLES, NetworkFigures, networks_in
from shared.programme import Bilingual
from shared.topics import UPSTREAM_REGISTRATIONS

OUTBOX_PATIENCE = 60.0
"""Seconds that an outbox row may wait: usually it waits for less than one."""
TICK_PATIENCE = 3
"""Failures in a row from which on a tick needs somebody."""


class ServiceHealth(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of one service. `unknown` says why there are none (then all others are empty).

    `recalled`, `unread` and `aside` count since the process started; `gaps` are messages by topic, `failing_ticks`
    failures in a row by tick.
    """

    outbox_rows: int = 0
    outbox_seconds: float = 0.0
    refused_rows: int = 0
    gaps: dict[str, int] = {}
    open_breakers: tuple[str, ...] = ()  # topics
    waiting: tuple[str, ...] = ()  # topics whose messages wait for the database, or for what their handler needs
    failing_ticks: dict[str, int] = {}
    aside: dict[str, int] = {}  # rows at fault that ticks put aside, by tick
    recalled: int = 0
    unread: dict[str, int] = {}
    chain_warnings: int = 0
    unproved: int = 0  # credentials that can't take their proof
    waiting_leaves: int = 0  # of the batch that is open
    waiting_seconds: int = 0  # the oldest of them
    networks: dict[str, NetworkFigures] = {}
    storage_errors: int = 0  # calls to object storage that failed since the process started
    unknown: str | None = None


Samples = Iterable[tuple[str, Mapping[str, str], float]]
"""Name, labels and value of each sample of a /metrics page."""

_OUTBOX_ROWS = "akashi_outbox_rows"
_OUTBOX_SECONDS = "akashi_outbox_age_seconds"
_REFUSED_ROWS = "akashi_outbox_refused_rows"
_GAP = "akashi_topic_gap"
_BREAKER = "akashi_breaker_open"
_DATABASE_AWAY = "akashi_database_away"
_TICK_FAILURES = "akashi_tick_failures_in_a_row"
_ASIDE = "akashi_tick_rows_aside_total"
_RECALLED = "akashi_facts_recalled_total"
_UNREAD = "akashi_messages_unread_total"
_CHAIN_WARNINGS = "akashi_anchor_warnings"
_UNPROVED = "akashi_anchor_credentials_at_fault"
_LEAVES = "akashi_anchor_waiting_leaves"
_LEAVES_SECONDS = "akashi_anchor_waiting_seconds"
_STORAGE = "akashi_object_storage_failed_total"
SAMPLES = (
    *(_OUTBOX_ROWS, _OUTBOX_SECONDS, _REFUSED_ROWS, _GAP, _BREAKER, _DATABASE_AWAY, _TICK_FAILURES, _RECALLED, _UNREAD),
    *(_CHAIN_WARNINGS, _UNPROVED, _ASIDE, _LEAVES, _LEAVES_SECONDS, _STORAGE, *CHAIN_SAMPLES),
)
"""All that `health_in` reads of a /metrics page: a service is asked for these alone."""


def health_in(samples: Samples) -> ServiceHealth:
    """The figures in a /metrics page. What isn't on it is 0."""
    plain: dict[str, float] = {}
    labelled: dict[str, dict[str, float]] = {}
    for name, labels, value in samples:
        if labels:
            labelled.setdefault(name, {})["/".join(labels.values())] = value
        else:
            plain[name] = value

    def by_label(name: str, least: int = 1) -> dict[str, int]:
        return {key: int(value) for key, value in sorted(labelled.get(name, {}).items()) if value >= least}

    return ServiceHealth(
        outbox_rows=int(plain.get(_OUTBOX_ROWS, 0)),
        outbox_seconds=round(plain.get(_OUTBOX_SECONDS, 0.0), 1),
        refused_rows=int(plain.get(_REFUSED_ROWS, 0)),
        gaps=by_label(_GAP),
        open_breakers=tuple(by_label(_BREAKER)),
        waiting=tuple(by_label(_DATABASE_AWAY)),
        failing_ticks=by_label(_TICK_FAILURES, TICK_PATIENCE),
        aside=by_label(_ASIDE),
        recalled=int(plain.get(_RECALLED, 0)),
        unread=by_label(_UNREAD),
        chain_warnings=int(plain.get(_CHAIN_WARNINGS, 0)),
        unproved=int(plain.get(_UNPROVED, 0)),
        waiting_leaves=int(plain.get(_LEAVES, 0)),
        waiting_seconds=int(plain.get(_LEAVES_SECONDS, 0)),
        networks=networks_in(labelled),
        storage_errors=sum(by_label(_STORAGE).values()),
    )


def worst_of(replicas: Iterable[ServiceHealth]) -> ServiceHealth:
    """One service's replicas as one: they share schema and outbox, so the highest of each figure."""
    merged = ServiceHealth()
    for each in replicas:
        merged = ServiceHealth(
            outbox_rows=max(merged.outbox_rows, each.outbox_rows),
            outbox_seconds=max(merged.outbox_seconds, each.outbox_seconds),
            refused_rows=max(merged.refused_rows, each.refused_rows),
            gaps=_highest(merged.gaps, each.gaps),
            open_breakers=tuple(sorted({*merged.open_breakers, *each.open_breakers})),
            waiting=tuple(sorted({*merged.waiting, *each.waiting})),
            failing_ticks=_highest(merged.failing_ticks, each.failing_ticks),
            aside=_highest(merged.aside, each.aside),
            recalled=max(merged.recalled, each.recalled),
            unread=_highest(merged.unread, each.unread),
            chain_warnings=max(merged.chain_warnings, each.chain_warnings),
            unproved=max(merged.unproved, each.unproved),
            waiting_leaves=max(merged.waiting_leaves, each.waiting_leaves),
            waiting_seconds=max(merged.waiting_seconds, each.waiting_seconds),
            networks=merged.networks or each.networks,
            storage_errors=max(merged.storage_errors, each.storage_errors),
            unknown=merged.unknown or each.unknown,
        )
    return merged


def _highest(these: Mapping[str, int], those: Mapping[str, int]) -> dict[str, int]:
    return {key: max(these.get(key, 0), those.get(key, 0)) for key in sorted({*these, *those})}


@dataclass(frozen=True)
class Trouble:
    """Something that a service reports, and what to do about it. `code` is the kind of it."""

    code: str
    what: Bilingual
    todo: Bilingual


def troubles_of(service: str, health: ServiceHealth) -> list[Trouble]:
    """What needs somebody, the most urgent first; nothing when all is well."""
    return list(_troubles(service, health))


def _troubles(service: str, health: ServiceHealth) -> Iterator[Trouble]:
    if health.gaps:
        topics = _counted(health.gaps)
        upstream = UPSTREAM_REGISTRATIONS.name in health.gaps
        yield Trouble(
            "gap",
            Bilingual(
                f"読む前に消えたメッセージがあります（{topics}）。",
                f"Messages were gone before it read them ({topics}).",
            ),
            Bilingual(
                f"{'上流にもう一度送ってもらってから、' if upstream else ''}akashi rebuild {service} を実行します。"
                "各サービスがもう一度知らせ、記録がそろいます。",
                f"{'Have the upstream deliver again, then run' if upstream else 'Run'} akashi rebuild {service}:"
                " the others announce them again.",
            ),
        )
    if health.open_breakers:
        topics = ", ".join(health.open_breakers)
        yield Trouble(
            "breaker",
            Bilingual(
                f"失敗が続き、読むのを止めています（{topics}）。",
                f"One failure after the other: it stopped reading ({topics}).",
            ),
            _FIX_CAUSE,
        )
    if health.waiting:
        topics = ", ".join(health.waiting)
        yield Trouble(
            "waiting",
            Bilingual(
                f"データベースなどが応じず、待っています（{topics}）。",
                f"The database, or another part that it needs, refuses: messages wait ({topics}).",
            ),
            Bilingual(
                "ログにある原因を確かめます（空き容量、接続数、権限）。直ると、自動で続きから進みます。",
                "Its log names the cause (disk space, connections, rights). It goes on by itself once that is gone.",
            ),
        )
    if health.failing_ticks:
        ticks = _counted(health.failing_ticks)
        yield Trouble(
            "ticks",
            Bilingual(f"くり返しの仕事が続けて失敗しています（{ticks}回）。", f"Ticks fail in a row ({ticks})."),
            _FIX_CAUSE,
        )
    if health.aside:
        ticks = _counted(health.aside)
        yield Trouble(
            "aside",
            Bilingual(
                f"処理できない行を取り分けて、ほかを先に進めました（{ticks}回）。",
                f"Rows that can't be worked on were put aside, and the others went on ({ticks}).",
            ),
            Bilingual(
                "ログに、行と原因があります。人の記録なら、保留か停止の一覧にも出ています。起動し直すと、もう一度試します。",
                "Its log names row and cause; people are on the lists of held and stuck, too. A restart tries again.",
            ),
        )
    if health.refused_rows:
        yield Trouble(
            "refused",
            Bilingual(
                f"Kafkaが受け取らないメッセージが{health.refused_rows:,}件あります。",
                f"Kafka refuses {health.refused_rows:,} messages.",
            ),
            Bilingual(
                f"ログと表 {service}.refused で原因を確かめます。ほかの送信は続いています。",
                f"See the log and the table {service}.refused; all others are published.",
            ),
        )
    if health.outbox_rows and health.outbox_seconds >= OUTBOX_PATIENCE:
        seconds = f"{health.outbox_seconds:,.0f}"
        yield Trouble(
            "outbox",
            Bilingual(
                f"{health.outbox_rows:,}件の知らせが送信を待っています（長いもので{seconds}秒）。",
                f"{health.outbox_rows:,} events wait to be published, the oldest for {seconds} s.",
            ),
            Bilingual(
                "Kafkaが動いているか確かめます。つながると、自動で送ります。",
                "See whether Kafka runs; they go by themselves once it does.",
            ),
        )
    if health.chain_warnings:
        yield Trouble(
            "chain",
            Bilingual(
                f"チェーンについて注意が{health.chain_warnings}件あります。",
                f"{health.chain_warnings} warnings about the chain.",
            ),
            Bilingual(
                "akashi anchor status に、理由と次の手順が出ます。", "akashi anchor status names them and what to do."
            ),
        )
    if health.unproved:
        yield Trouble(
            "unproved",
            Bilingual(
                f"チェーンの証明を書き込めないバッジが{health.unproved:,}個あります。",
                f"{health.unproved:,} credentials can't take their proof: not there, or broken.",
            ),
            Bilingual(
                "akashi scrub --repair で作り直します。戻れば、自動で進みます。",
                "Have them made again by akashi scrub --repair; they go on by themselves.",
            ),
        )
    if health.unread:
        topics = _counted(health.unread)
        yield Trouble(
            "unread",
            Bilingual(
                f"新しい版のメッセージを取ってあります（{topics}）。",
                f"Messages of a later release are kept ({topics}).",
            ),
            Bilingual(
                "このサービスを新しい版にすると、自動で読みます。",
                "It reads them by itself once it is that release.",
            ),
        )
    if health.unknown:
        yield Trouble(
            "unknown",
            Bilingual("いまの様子が分かりません。", "It does not say how it is."),
            Bilingual(f"動いているか確かめます（{health.unknown}）。", f"See whether it runs ({health.unknown})."),
        )


_FIX_CAUSE = Bilingual(
    "ログにある原因を直すと、自動で続きから進みます。", "Remove the cause that its log names; it goes on by itself."
)


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.items())
