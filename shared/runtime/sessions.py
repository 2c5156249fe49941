"""Connections to PostgreSQL whose locks are released when their holder is gone. Used by all that connect for a process.

A process that is killed closes its connections, and its locks are free at once. A machine that is cut off or loses its
power says nothing: by the system's defaults PostgreSQL keeps such a session, with its row and advisory locks, for two
hours, and the other replicas would wait for as long. A process that stands still keeps its connections as well.
"""

from __future__ import annotations

from typing import Any

from psycopg.conninfo import conninfo_to_dict

_PEER_GONE = 30
"""Seconds after which either end takes a peer that answers nothing for gone."""
_IDLE_IN_TRANSACTION = 600
"""Seconds: longer than any call of ours to an outside party that is made under a row's lock."""


def connection_settings(url: str, *, idle_seconds: int = 0) -> dict[str, Any]:
    """Parameters for psycopg, beside `url`; options that the URL has itself stay, and win.

    With `idle_seconds` the server ends the session when it asks for nothing for so long: for a connection that holds a
    lock which another replica waits for.
    """
    options = {
        "tcp_keepalives_idle": _PEER_GONE // 2,
        "tcp_keepalives_interval": _PEER_GONE // 6,
        "tcp_keepalives_count": 3,
        "idle_in_transaction_session_timeout": _IDLE_IN_TRANSACTION * 1000,
        **({"idle_session_timeout": idle_seconds * 1000} if idle_seconds else {}),
    }
    ours = " ".join(f"-c {name}={value}" for name, value in options.items())
    given = conninfo_to_dict(url).get("options")
    return {
        "connect_timeout": 3,
        "keepalives_idle": _PEER_GONE // 2,
        "keepalives_interval": _PEER_GONE // 6,
        "keepalives_count": 3,
        "tcp_user_timeout": _PEER_GONE * 1000,
        "options": f"{ours} {given}" if given else ours,
    }
