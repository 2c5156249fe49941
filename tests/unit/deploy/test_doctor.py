from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from deploy.local.doctor import Finding, examine, report, version_in

DOCTOR = Path(__file__).resolve().parents[3] / "deploy" / "local" / "doctor.py"

GOOD = {
    "java": 'openjdk version "17.0.15" 2025-04-15',
    "mvn": "Apache Maven 3.8.7",
    "node": "v20.19.2",
    "npm": "10.8.2",
}


def findings(said: dict[str, str], *, python: tuple[int, ...] = (3, 12, 1), wheel: bool = False) -> list[Finding]:
    def ask(command: Sequence[str]) -> str | None:
        return said.get(command[0])

    return examine(ask, python, has_venv=True, has_java_wheel=wheel)


def missing(found: list[Finding]) -> list[str]:
    return [finding.need.name for finding in found if not finding.good]


def test_on_a_complete_machine_nothing_is_missing() -> None:
    assert missing(findings(GOOD)) == []


@pytest.mark.parametrize(("program", "name"), [("java", "Java"), ("mvn", "Maven"), ("node", "Node"), ("npm", "npm")])
def test_a_missing_program_is_listed_with_the_install_command_of_each_system(program: str, name: str) -> None:
    found = findings({key: value for key, value in GOOD.items() if key != program})
    assert missing(found) == [name]
    assert "apt install" in report(found, macos=False)
    assert "brew install" in report(found, macos=True)
    assert "apt" not in report(found, macos=True)


@pytest.mark.parametrize(
    ("program", "said"),
    [("java", 'java version "1.8.0_401"'), ("java", 'openjdk version "11.0.2"'), ("node", "v18.20.4")],
)
def test_a_program_that_is_too_old_counts_as_missing(program: str, said: str) -> None:
    assert len(missing(findings({**GOOD, program: said}))) == 1


def test_without_java_the_wheel_is_accepted() -> None:
    without = {key: value for key, value in GOOD.items() if key != "java"}
    assert missing(findings(without, wheel=True)) == []


def test_a_maven_that_only_lacks_java_is_accepted_where_the_wheel_has_one() -> None:
    assert missing(findings({"mvn": "", "node": "v22.1.0", "npm": "10.8.2"}, wheel=True)) == []
    assert missing(findings({"mvn": "", "node": "v22.1.0", "npm": "10.8.2"}, wheel=False)) == ["Java", "Maven"]


def test_an_old_python_counts_as_missing() -> None:
    assert missing(findings(GOOD, python=(3, 10, 4))) == ["Python"]


@pytest.mark.parametrize(
    ("said", "version"),
    [
        ('openjdk version "25" 2025-09-16', (25,)),
        ('java version "1.8.0_401"', (8, 0)),
        ("v22.4.1\n", (22, 4, 1)),
        ("Apache Maven 3.9.9 (8e8579a9e76f7d015ee5ec7bfcdc97d260186937)", (3, 9, 9)),
        ("No Java runtime present", None),
        (None, None),
    ],
)
def test_versions_are_read_as_the_programs_write_them(said: str | None, version: tuple[int, ...] | None) -> None:
    assert version_in(said) == version


def test_it_runs_on_python_without_any_package() -> None:
    ran = subprocess.run([sys.executable, "-I", "-S", str(DOCTOR)], capture_output=True, text=True, check=False)
    assert "Python" in ran.stdout
    assert ran.stderr == ""
