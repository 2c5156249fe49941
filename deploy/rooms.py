"""`make rooms`: how each service is divided, by its imports. A room is a folder or a module of the service."""

from __future__ import annotations

from pathlib import Path

import grimp

from shared.topics import SERVICES

ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    graph = grimp.build_graph("services")
    print("| service | lines | modules | rooms | imports between rooms |\n|---|---|---|---|---|")
    for service in SERVICES:
        package = f"services.{service}"
        modules = [name for name in graph.find_descendants(package) if ".migrations" not in name]
        rooms = {_room(package, name) for name in modules}
        arrows = {
            (_room(package, name), _room(package, imported))
            for name in modules
            for imported in graph.find_modules_directly_imported_by(name)
            if imported.startswith(f"{package}.")
        }
        between = sum(here != there for here, there in arrows)
        print(f"| {service} | {_lines(service)} | {len(modules)} | {len(rooms)} | {between} |")


def _room(package: str, module: str) -> str:
    return module.removeprefix(f"{package}.").partition(".")[0]


def _lines(service: str) -> int:
    files = (ROOT / "services" / service).rglob("*.py")
    return sum(len(file.read_text("utf-8").splitlines()) for file in files if "migrations" not in file.parts)


if __name__ == "__main__":
    main()
