"""`akashi bench scale`: from measured unit costs to the machines that a year needs. Computes, measures nothing.

docs/scale.md has its tables between two comments; `--write` puts them there.
"""

from __future__ import annotations

import json
import math
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click
import msgspec

from deploy.local.environment import REPOSITORY
from shared.runtime.commands import json_option, say
from shared.topics import PARTITIONS, SERVICES

COSTS = Path(__file__).parent / "unit_costs.toml"
DOCUMENT = REPOSITORY / "docs" / "scale.md"
YEARS = (20_000, 200_000, 1_000_000, 10_000_000, 100_000_000)
AFTER_RECEIPT = ("wallet", "anchor", "renderer")
"""Their work begins when a holder receives the badge, so it spreads over the days."""

_BEGIN, _END = "<!-- computed: akashi bench scale --write -->", "<!-- end -->"
_OF_BURST = re.compile(r"cpu (\S+) a badge")
_OF_PIPELINE = re.compile(r"(CPU|stored,) (.+)")


class Serial(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A part of which there is one: cores of its machine and the process that they run, or a measured rate."""

    process: str | None = None
    cores: float = 0.0
    messages_per_second: float = 0.0
    messages_per_badge: float = 1.0


class Year(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    first_day: float
    hours: float
    received: float
    busy: float
    kept_years: int
    retention_days: int


class Prices(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    core_hour: float
    gigabyte_month_database: float
    gigabyte_month_objects: float
    thousand_letters: float


class Costs(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Of one badge: `cpu_ms` by process, `stored` in bytes by store."""

    measured: str
    cpu_ms: dict[str, float]
    stored: dict[str, float]
    year: Year
    prices: Prices
    serial: dict[str, Serial]


class Need(msgspec.Struct, frozen=True):
    """What this number of badges a year needs on the busiest day. Rates in badges a second, costs in yen a year."""

    badges: int
    rate: float
    received_rate: float
    cores: dict[str, float]
    replicas: dict[str, int]
    partitions: int
    database_gb: float
    kafka_gb: float
    objects_gb: float
    cost: dict[str, float]


def read_costs(text: str) -> Costs:
    """ValueError says which field is wrong."""
    try:
        return msgspec.convert(tomllib.loads(text), Costs)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise ValueError(str(error)) from error


def need_of(costs: Costs, badges: int) -> Need:
    year, prices = costs.year, costs.prices
    seconds = year.hours * 3600
    rate = badges * year.first_day / seconds
    received = rate * year.received
    cores = {
        name: (received if name in AFTER_RECEIPT else rate) * ms / 1000 / year.busy for name, ms in costs.cpu_ms.items()
    }
    # Rounded first: a whole number of cores must not become one more by the last digit of a product.
    replicas = {service: max(2, math.ceil(round(cores[service], 9))) for service in SERVICES}
    gigabytes = {store: badges * size / 1e9 for store, size in costs.stored.items()}
    database = gigabytes["PostgreSQL, tables and indexes"] * year.kept_years
    objects = gigabytes["object storage"] * year.kept_years
    kafka = gigabytes["Kafka"] * 3  # three copies; a year's badges come within its retention
    # The cores of the busiest day for a month of the cycle, a tenth of them for the rest of the year, two at least.
    most = sum(cores.values())
    core_hours = 30 * 24 * max(2.0, most) + 335 * 24 * max(2.0, most / 10)
    return Need(
        badges=badges,
        rate=rate,
        received_rate=received,
        cores=cores,
        replicas=replicas,
        partitions=max(PARTITIONS, 4 * math.ceil(max(replicas.values()) * 1.5 / 4)),
        database_gb=database,
        kafka_gb=kafka,
        objects_gb=objects,
        cost={
            "processors": core_hours * prices.core_hour,
            "database and Kafka": (database * 2 + kafka) * 12 * prices.gigabyte_month_database,
            "objects": objects * 12 * prices.gigabyte_month_objects,
            "letters": 2 * badges / 1000 * prices.thousand_letters,
        },
    )


def limits_of(costs: Costs) -> dict[str, float]:
    """Badges a second that each part of which there is one can take, the lowest first; unmeasured ones are left out."""
    found = {}
    for name, part in costs.serial.items():
        if part.process is not None:
            found[name] = part.cores * costs.year.busy * 1000 / costs.cpu_ms[part.process]
        elif part.messages_per_second:
            found[name] = part.messages_per_second / part.messages_per_badge
    return dict(sorted(found.items(), key=lambda item: item[1]))


def year_of(costs: Costs, rate: float) -> float:
    """Badges a year whose busiest hours have this rate."""
    return rate * costs.year.hours * 3600 / costs.year.first_day


def with_reports(costs: Costs, reports: Sequence[Mapping[str, Any]]) -> Costs:
    """`costs` with what reports of `bench burst` and `bench pipeline` measured; of several the highest CPU time.

    Without holders the pipeline leaves the wallet idle: its figure is the burst's.
    """
    cpu: dict[str, float] = {}
    stored: dict[str, float] = {}
    for report in reports:
        for figure in report["figures"]:
            of_burst, of_pipeline = _OF_BURST.fullmatch(figure["name"]), _OF_PIPELINE.fullmatch(figure["name"])
            if of_burst:
                name, value = of_burst[1], figure["value"]
                cpu[name] = max(cpu.get(name, 0.0), value)
            elif of_pipeline and of_pipeline[1] == "CPU":
                cpu[of_pipeline[2]] = max(cpu.get(of_pipeline[2], 0.0), figure["value"])
            elif of_pipeline:
                stored[of_pipeline[2]] = figure["value"]
    measured = "; ".join(f"akashi bench {each['bench']}, {each['commit']}, {each['machine']}" for each in reports)
    return msgspec.structs.replace(
        costs,
        measured=measured or costs.measured,
        cpu_ms={name: cpu.get(name, before) for name, before in costs.cpu_ms.items()},
        stored={name: stored.get(name, before) for name, before in costs.stored.items()},
    )


# ── the tables ──────────────────────────────────────────────────────────────────────────────────────────


def tables(costs: Costs) -> str:
    """Markdown: unit costs, what each size of a year needs, which part is full first."""
    needs = [need_of(costs, badges) for badges in YEARS]
    parts = [
        f"Unit costs: {costs.measured}.",
        _table(
            ["process", "CPU ms a badge"],
            [[name, f"{ms:.1f}"] for name, ms in sorted(costs.cpu_ms.items(), key=lambda item: -item[1])],
        ),
        _table(["store", "bytes a badge"], [[name, f"{size:,.0f}"] for name, size in costs.stored.items()]),
        _table(["badges a year", *(f"{badges:,}" for badges in YEARS)], _rows(needs)),
        _table(
            ["of which there is one", "badges a second at most", "full at, badges a year"],
            [[name, f"{rate:,.0f}", f"{_rounded(year_of(costs, rate)):,}"] for name, rate in limits_of(costs).items()],
        ),
    ]
    return "\n\n".join(parts)


def _rows(needs: Sequence[Need]) -> list[list[str]]:
    def row(name: str, values: Iterable[float], form: str = ",.0f") -> list[str]:
        return [name, *(format(value, form) for value in values)]

    return [
        row("badges a second in the busiest hours", (need.rate for need in needs), ",.2f"),
        row("received a second in them", (need.received_rate for need in needs), ",.2f"),
        row("cores, all together", (sum(need.cores.values()) for need in needs), ",.1f"),
        row("of them PostgreSQL", (need.cores["postgres"] for need in needs), ",.1f"),
        *(row(f"replicas of {name}", (need.replicas[name] for need in needs)) for name in SERVICES),
        row("partitions of each topic", (need.partitions for need in needs)),
        row("PostgreSQL, GB of all years kept", (need.database_gb for need in needs), ",.1f"),
        row("Kafka, GB with three copies", (need.kafka_gb for need in needs), ",.1f"),
        row("object storage, GB of all years kept", (need.objects_gb for need in needs), ",.1f"),
        *(row(f"{name}, thousand yen a year", (n.cost[name] / 1000 for n in needs)) for name in needs[0].cost),
        row("together, yen a badge", (sum(need.cost.values()) / need.badges for need in needs), ",.2f"),
    ]


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [list(heads), ["---", *["---:"] * (len(heads) - 1)], *map(list, rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _rounded(number: float) -> int:
    """To two figures."""
    return int(round(number, 1 - math.floor(math.log10(number)))) if number >= 1 else 0


def with_tables(document: str, costs: Costs) -> str:
    """The document with the tables of `costs`. ValueError without the two comments."""
    before, begin, rest = document.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not begin or not end:
        raise ValueError(f"got no {_BEGIN} … {_END}")
    return f"{before}{_BEGIN}\n{tables(costs)}\n{_END}{after}"


def toml_of(costs: Costs, text: str) -> str:
    """`text` of the file of unit costs with the figures of `costs`; comments stay."""
    text = re.sub(r"^measured = .*$", lambda _: f"measured = {json.dumps(costs.measured)}", text, flags=re.MULTILINE)
    for section, values in (("cpu_ms", costs.cpu_ms), ("stored", costs.stored)):
        head, line, rest = text.partition(f"[{section}]")
        comment, _, rest = rest.partition("\n")
        _, blank, after = rest.partition("\n\n")
        given = "\n".join(f"{json.dumps(n) if ' ' in n else n} = {round(v, 2)}" for n, v in values.items())
        text = f"{head}{line}{comment}\n{given}{blank}{after}"
    return text


@click.command(short_help="一年の規模から必要な台数を計算する。 / What a year of badges needs.")
@click.option(
    "--from",
    "reports",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="akashi bench burst / pipeline の --json の結果。 / Reports with newly measured unit costs.",
)
@click.option("--write", is_flag=True, help="単価と docs/scale.md を書き直す。 / Write unit costs and docs/scale.md.")
@json_option
def scale(reports: tuple[Path, ...], write: bool, as_json: bool) -> None:
    """測った単価から、一年 2 万件〜1 億件に必要な台数と費用を計算する。

    / Machines and cost of 20 000 to 100 million badges a year, from measured unit costs.
    """
    text = COSTS.read_text(encoding="utf-8")
    costs = with_reports(read_costs(text), [json.loads(path.read_text(encoding="utf-8")) for path in reports])
    if write:
        COSTS.write_text(toml_of(costs, text), encoding="utf-8")
        DOCUMENT.write_text(with_tables(DOCUMENT.read_text(encoding="utf-8"), costs), encoding="utf-8")
    if as_json:
        say(json.dumps([msgspec.to_builtins(need_of(costs, badges)) for badges in YEARS]))
    else:
        say(tables(costs))
