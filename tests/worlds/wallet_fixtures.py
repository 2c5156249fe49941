"""Fixtures of the tests of wallet: its database, and a wallet that is empty at each test. A pytest plugin."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.worlds.wallet import Wallet, running_wallet, wallet_database


@pytest.fixture(scope="module")
def wallet_url() -> Iterator[str]:
    """Of a PostgreSQL with the wallet's tables."""
    with wallet_database() as url:
        yield url


@pytest.fixture
def wallet(wallet_url: str) -> Iterator[Wallet]:
    with running_wallet(wallet_url) as wallet:
        yield wallet
