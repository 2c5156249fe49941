"""`python -m services.wallet` runs the service."""

from __future__ import annotations

import secrets
from datetime import timedelta

from services.wallet.app import build
from services.wallet.config import Config, read_config
from services.wallet.ports import Ports
from services.wallet.store import Store, WalletTransaction
from services.wallet.stored_files import StoredFiles
from shared.runtime.objects import Objects
from shared.runtime.process import Process
from shared.runtime.start import start
from shared.runtime.web.passwords import Passwords


def wire(config: Config) -> Process:
    runtime = config.runtime
    store: Store = Store(runtime.database_url, runtime.service, WalletTransaction, runtime.clock, pool=8)
    ports = Ports(
        store=store,
        objects=StoredFiles(Objects(config.objects)),
        now=runtime.clock,
        programme=runtime.programme,
        passwords=Passwords(),
        new_token=lambda: secrets.token_urlsafe(32),
        link_secret=config.link_secret,
        wallet_url=config.wallet_url,
        session_lifetime=timedelta(seconds=config.session_seconds),
        receive_link_lifetime=timedelta(days=config.receive_link_days),
        mail_link_lifetime=timedelta(hours=config.mail_link_hours),
        reset_link_lifetime=timedelta(hours=config.reset_link_hours),
        public_url=config.public_url,
    )
    return build(config, ports)


def main() -> None:
    start(read_config, wire)


if __name__ == "__main__":
    main()
