"""Becomes a process of the stack: run by the supervisor as `python launch.py … -- COMMAND`. Standard library only.

It writes its process id to a file, redirects its output to its log, gives up root where asked, and asks the Linux
kernel to end it when the supervisor dies, whatever the cause. (Elsewhere the next start ends what is left, by
those process ids: `leftovers.py`.)
"""

from __future__ import annotations

import argparse
import ctypes
import os
import signal
import sys
from pathlib import Path

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--name", required=True)
    parser.add_argument("--supervisor", type=int, required=True, help="process id of the supervisor")
    parser.add_argument("--end-by", default="SIGKILL", help="signal that ends this process when the supervisor dies")
    parser.add_argument("--user", default="", help="user to change to when started as root")
    parser.add_argument("command", nargs="+")
    asked = parser.parse_args()
    os.umask(0o077)  # what a process of the stack writes is for its user alone
    log = os.open(asked.home / "log" / f"{asked.name}.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(log, 1)
    os.dup2(log, 2)
    (asked.home / "run" / f"{asked.name}.pid").write_text(f"{os.getpid()}\n", encoding="ascii")
    if asked.user and os.geteuid() == 0:
        _change_user(asked.user)
    if sys.platform == "linux":
        # After the change of user, which would clear it. It survives exec.
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, int(signal.Signals[asked.end_by]), 0, 0, 0)
    if os.getppid() != asked.supervisor:
        sys.exit("the supervisor died before this process was bound to it")
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # Python ignores it, and exec would inherit that
    os.environ["AKASHI_PART"] = asked.name  # with AKASHI_HOME, identifies the process as this stack's
    os.execvp(asked.command[0], asked.command)


def _change_user(user: str) -> None:
    import pwd

    entry = pwd.getpwnam(user)
    os.initgroups(user, entry.pw_gid)
    os.setgid(entry.pw_gid)
    os.setuid(entry.pw_uid)


if __name__ == "__main__":
    main()
