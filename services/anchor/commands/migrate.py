"""Carries a migration out: every past root is anchored on another network as well."""

from __future__ import annotations

import time
from collections.abc import Callable

from services.anchor import handlers
from services.anchor.commands.session import Session
from services.anchor.network import migration, submission
from services.anchor.network.migration import Migration, MigrationProgress
from services.anchor.network.sender import NetworkConnection

_PAUSE_SECONDS = 0.2


def carry_out(
    session: Session,
    connection: NetworkConnection,
    planned: Migration,
    report: Callable[[MigrationProgress], None],
) -> MigrationProgress:
    """Store the plan and work until all roots are final and in the manifests; `report` gets each change.

    If we die anywhere, the next call or the running service goes on: this only does what the service's ticks do.
    """
    store = session.ports.store
    migration.begin(store, connection.deployment, planned)
    [network] = [each for each in session.networks if each.deployment == connection.deployment]
    last: MigrationProgress | None = None
    while True:
        done = submission.submit(network) + submission.confirm(network) + handlers.write_manifest(session.ports)
        current = migration.progress(store, connection.deployment)
        if current != last:
            report(current)
            last = current
        if not current.pending and not done:
            return current
        if not done:
            time.sleep(_PAUSE_SECONDS)
