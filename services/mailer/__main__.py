"""`python -m services.mailer` runs the service."""

from __future__ import annotations

from services.mailer.app import build
from services.mailer.config import Config, read_config
from services.mailer.deliveries import Deliveries
from services.mailer.domain.letters import LetterWriter
from services.mailer.domain_turns import DomainTurns
from services.mailer.handlers import Ports
from services.mailer.smtp import SmtpPool
from services.mailer.store.ledger import MailerTransaction, Store
from shared.runtime.process import Process
from shared.runtime.start import start


def wire(config: Config) -> Process:
    runtime = config.runtime
    return build(
        config,
        Ports(
            store=Store(runtime.database_url, runtime.service, MailerTransaction, runtime.clock),
            writer=LetterWriter(
                runtime.programme,
                config.wallet_url,
                config.public_url,
                config.link_secret,
                config.dkim_keys,
            ),
            sender=runtime.programme.sender,
            send=SmtpPool(config.smtp).send,
            now=runtime.clock,
            deliveries=Deliveries(
                config.connections, config.limits, turns=DomainTurns(runtime.database_url, config.limits)
            ),
            kept=config.kept,
        ),
    )


def main() -> None:
    start(read_config, wire)


if __name__ == "__main__":
    main()
