"""How commands find the local stack: the entry point `local` of the group `akashi.settings`.

The only place that tells a command of a service the stack's ports and files. `shared.runtime.settings` asks it.
"""

from __future__ import annotations

from collections.abc import Mapping

from deploy.local.environment import Place, service_settings
from deploy.local.history import kept_clock

_NEEDED: Mapping[str, tuple[str, ...]] = {
    "registration": ("REGISTRATION_URL", "UPSTREAM_KEY_FILE", "KAFKA_BOOTSTRAP"),
    "anchor": (
        "DATABASE_URL",
        "S3_ENDPOINT",
        "S3_BUCKET",
        "S3_CREDENTIALS_FILE",
        "PUBLIC_URL",
        "NETWORKS_FILE",
        "CHAIN_KEYSTORE_FILE",
        "CHAIN_PASSWORD_FILE",
        "AKASHI_CLOCK",
    ),
    "verifier": ("PUBLIC_URL", "NETWORKS_FILE"),
    "ops": ("OPS_URL", "OPS_KEY_FILE", "WALLET_URL", "PAPER_KEY_FILE"),
}
"""What the commands of a service need to reach the stack. Not its tuning: that is for the service only."""


def command_settings(service: str, environment: Mapping[str, str]) -> dict[str, str]:
    """The settings of a service's commands for the stack at AKASHI_HOME and AKASHI_PORT_BASE.

    RefuseToStart when AKASHI_PORT_BASE is impossible. The stack need not run, nor ever have run.
    """
    place = Place.from_environment(environment)
    clock = kept_clock(place) or ""
    urls = {"REGISTRATION_URL": place.urls["registration"], "OPS_URL": place.urls["ops"]}
    urls["PAPER_KEY_FILE"] = str(place.secrets / "paper.key")  # of the wallet, for the commands of ops
    all_settings = {**service_settings(place, service, cohort="", clock=clock), **urls}
    return {name: all_settings[name] for name in _NEEDED.get(service, ()) if name in all_settings}
