"""`python -m deploy.bench.render_ours FOLDER PEOPLE`: the renderer's own figures, in a process with nothing else in it.

FOLDER holds the badges' pictures, `<qualification>.svg`. Prints one JSON object.
"""

from __future__ import annotations

import base64
import json
import sys
import time
from collections.abc import Iterator, Mapping
from datetime import date
from hashlib import sha256
from pathlib import Path

import psutil

from deploy.local.demo.crowd import crowd
from deploy.local.environment import REPOSITORY
from services.renderer.domain.certificate import Press
from services.renderer.domain.facts import Certificate
from services.renderer.pdf.picture import Picture
from services.renderer.pdf.vector_picture import read_svg
from shared.programme import Programme, parse_programme

FONTS = REPOSITORY / "node_modules" / "@expo-google-fonts"
CREDENTIAL = b'{"a":"' + b"signed credential " * 330 + b'"}'  # 6 KB, as real ones have
WARM = 2_000  # people before the first measurement of memory


def programme() -> Programme:
    return parse_programme((REPOSITORY / "deploy/programmes/jci.toml").read_text("utf-8"))


def certificates(size: int, prefix: str, programme: Programme) -> Iterator[Certificate]:
    """Of fictional people."""
    for record in crowd(size, cohort="2026", prefix=prefix):
        id = base64.b32encode(sha256(record["registration_id"].encode()).digest())[:26].decode()
        yield Certificate(
            assertion_id=id,
            holder=f"{record['family_name']} {record['given_name']}",
            latin_name=None,
            qualification=record["qualification"],
            qualification_name=programme.qualification(record["qualification"]).name.ja,
            edition="2026",
            pass_number=record["pass_number"],
            registration_number=record["registration_number"],
            issued_on=date(2026, 4, 1),
            valid_from=date(2026, 4, 1),
            valid_until=date(2030, 3, 31),
            verification_url=f"https://badges.example.jp/V/{id}",
        )


def rate(press: Press, pictures: Mapping[str, Picture], people: Iterator[Certificate]) -> float:
    """People a CPU second."""
    waiting = list(people)
    began = time.process_time()
    for each in waiting:
        press.print(each, pictures[each.qualification], CREDENTIAL)
    return len(waiting) / (time.process_time() - began)


def main(folder: Path, people: int) -> None:
    it = programme()
    press = Press(it, FONTS)
    pictures = {id: read_svg((folder / f"{id}.svg").read_bytes()) for id in it.qualifications}
    process = psutil.Process()
    spent = early = 0.0
    largest = [0, 0]
    for number, each in enumerate(certificates(people, "BENCH", it), 1):
        began = time.process_time()
        both = press.print(each, pictures[each.qualification], CREDENTIAL)
        spent += time.process_time() - began
        largest = [max(largest[0], len(both.certificate)), max(largest[1], len(both.details))]
        if number == min(WARM, people):
            early = process.memory_info().rss / 2**20
    late = process.memory_info().rss / 2**20
    print(json.dumps({"rate": people / spent, "early": early, "late": late, "largest": largest}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
