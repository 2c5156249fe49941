"""`akashi up`, `down`, `env`, `doctor` and `topics`: the local stack."""

from __future__ import annotations

import os
import time
from datetime import timedelta

import click
from rich.live import Live

from deploy.local.environment import Place, service_settings
from deploy.local.terminal import (
    StartTable,
    clock_option,
    errors_as_messages,
    interruptible,
    replicas_option,
    show_urls,
    supervisor_ended,
)
from shared.runtime.commands import plain_console, say
from shared.topics import LONGEST_RETENTION, MOST_PARTITIONS, PARTITIONS, RETENTION, SERVICES

_PAGES = ("ops", "inbox", "wallet", "verifier", "desk", "registration")
_LOOK_SECONDS = 0.5


@click.command(name="up", short_help="一式を起動する。 / Start the local stack.")
@click.option(
    "--detach", is_flag=True, help="起動したら戻る。止めるには akashi down。 / Return when everything answers."
)
@click.option(
    "--parts-only", is_flag=True, help="土台（Kafka など）だけを起動する。 / Start the parts without the services."
)
@replicas_option
@clock_option
def up(detach: bool, parts_only: bool, replicas: int, clock: str | None) -> None:
    """すべての土台とサービスを起動し、Ctrl-C まで動かす。 / Start all parts and services; run until Ctrl-C."""
    from deploy.local.stack import Stack

    console = plain_console()
    services = () if parts_only else SERVICES
    with errors_as_messages(), interruptible():
        place = Place.from_environment()
        table = StartTable()
        stack = Stack(
            place.home, place.port_base, clock, services, replicas=replicas, progress=table.note, detached=detach
        )
        with Live(get_renderable=table.table, console=console, refresh_per_second=10):
            stack.start()
        show_urls(console, stack.urls, _PAGES if stack.services else ("inbox",))
        if "ops" in stack.services:
            from deploy.local.office import NAME, PASSWORD, make_account

            make_account(place)
            console.print(f"運用ボードのログイン / sign in to the board: {NAME}　{PASSWORD}", soft_wrap=True)
        if detach:
            console.print("止めるには akashi down。 / Stop it with akashi down.")
            return
        console.print(f"記録は {place.logs} にあります。止めるには Ctrl-C。 / Logs are there; Ctrl-C stops it.")
        try:
            while stack.running():
                time.sleep(_LOOK_SECONDS)
            raise click.ClickException(supervisor_ended(place.logs / "supervisor.log"))
        except KeyboardInterrupt:
            console.print("止めています… / Stopping…")
        finally:
            stack.stop()


@click.command(name="down", short_help="一式を止める。 / Stop the local stack.")
def down() -> None:
    """AKASHI_HOME で動いている一式を止める。データは残る。 / Stop the stack of AKASHI_HOME; its data is kept."""
    from deploy.local.stack import stop_running

    with errors_as_messages():
        place = Place.from_environment()
        stopped = stop_running(place)
        say(f"{place.home}: {'止めました。 / Stopped.' if stopped else '動いていません。 / Not running.'}")


@click.command(name="env", short_help="サービスの設定を表示する。 / Print a service's settings.")
@click.argument("service", type=click.Choice(SERVICES))
def env(service: str) -> None:
    """サービスの設定を表示する: eval "$(akashi env issuer)"。 / Print a service's settings for a shell."""
    import shlex

    from deploy.local.stack import Stack

    with errors_as_messages():
        place = Place.from_environment()
        stack = Stack(place.home, place.port_base)
        settings = service_settings(place, service, cohort=stack.cohort, clock=stack.clock)
    for name, value in settings.items():
        say(f"export {name}={shlex.quote(value)}")


@click.command(name="doctor", short_help="足りないものを挙げる。 / List missing programs.")
def doctor() -> None:
    """この計算機に足りないものを挙げる。 / List the programs that this machine lacks."""
    from deploy.local.doctor import main

    raise SystemExit(main())


@click.command(name="topics", short_help="トピックを整える。 / Create the topics; set their retention.")
@click.option(
    "--bootstrap",
    envvar="KAFKA_BOOTSTRAP",
    help="Kafka のアドレス。なければこの計算機の一式。 / Address of Kafka (default: the local stack).",
)
@click.option(
    "--replication",
    type=click.IntRange(1, 9),
    help="複製の数。なければブローカーの既定。 / Replication factor (default: the broker's).",
)
@click.option(
    "--partitions",
    envvar="TOPIC_PARTITIONS",
    type=click.IntRange(1, MOST_PARTITIONS),
    default=PARTITIONS,
    show_default=True,
    help="区画の数。これより少ないトピックは増やす。 / Partitions; topics with fewer get more.",
)
@click.option(
    "--retention-days",
    envvar="TOPIC_RETENTION_DAYS",
    type=click.IntRange(1, LONGEST_RETENTION.days),
    default=RETENTION.days,
    show_default=True,
    help="メッセージを残す日数。 / Days for which messages are kept.",
)
@click.option(
    "--acls",
    is_flag=True,
    help="サービスごとの権限も設定する（管理者として）。 / Also set what each service may do (as an administrator).",
)
def topics(bootstrap: str | None, replication: int | None, partitions: int, retention_days: int, acls: bool) -> None:
    """足りないトピックを作り、すべてに保存日数を設定する。何度でも実行できる。
    / Create the missing topics; set the retention of all. Idempotent.
    """
    from deploy.local.parts.topics import provision_topics
    from shared.runtime.settings import Settings, read_kafka

    with errors_as_messages():
        address = bootstrap or Place.from_environment().address("kafka")
        kafka = read_kafka(Settings({**os.environ, "KAFKA_BOOTSTRAP": address}))
        made = provision_topics(
            kafka,
            replication=replication or -1,
            partitions=partitions,
            retention=timedelta(days=retention_days),
        )
        for name in made:
            say(name)
        say(f"{len(made)} 個のトピックを作りました。 / topics created.", err=True)
        if acls:
            from deploy.kafka_acls import provision_acls

            say(f"{provision_acls(kafka)} 件の権限を設定しました。 / permissions set.", err=True)
