"""`akashi bench …`: the benches, each loaded from its own module."""

from __future__ import annotations

import click


@click.group(name="bench", short_help="性能を測る。 / Measure performance.")
def bench_command() -> None:
    """性能を測る。 / Measure performance; prints a table, or JSON with --json."""


def _load() -> None:
    from deploy.bench.anchor import anchor
    from deploy.bench.backup import backup
    from deploy.bench.board import board
    from deploy.bench.burst import burst
    from deploy.bench.intake import intake
    from deploy.bench.issue import issue
    from deploy.bench.mail import mail
    from deploy.bench.pipeline import pipeline
    from deploy.bench.render import render
    from deploy.bench.scale import scale
    from deploy.bench.verify import verify
    from deploy.bench.wallet import wallet

    bench_command.add_command(anchor)
    bench_command.add_command(board)
    bench_command.add_command(backup)
    bench_command.add_command(burst)
    bench_command.add_command(intake)
    bench_command.add_command(issue)
    bench_command.add_command(mail)
    bench_command.add_command(pipeline)
    bench_command.add_command(render)
    bench_command.add_command(scale)
    bench_command.add_command(verify)
    bench_command.add_command(wallet)


_load()
