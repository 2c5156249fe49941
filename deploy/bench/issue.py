"""`akashi bench issue`: signed credentials a second on one core, compared with the usual ways; memory; baking.

Every way signs the same awards to the same bytes, each credential at another second, so that no part of a proof can be
reused. Rates are per CPU second of this one process: the load of other processes doesn't count.
"""

from __future__ import annotations

import struct
import time
import zlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from random import Random

import click
import msgspec
import psutil
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from deploy.bench.report import Report
from deploy.bench.rivals import Canonise, by_pyld, by_pyoxigraph, sign_in_full
from deploy.local.demo.crowd import crowd
from services.issuer.domain.credential import credential_of
from services.issuer.domain.issuance import Assertion, Issuer, StatusPlace, assertion_for, assertion_id_of
from services.issuer.signing.keys import SigningKey
from services.issuer.signing.signer import Signer
from services.issuer.signing.template import Sealed
from shared.credentials.baking import Unbaked, bake_png, unbake_png
from shared.credentials.open_badges_2 import assertion_of
from shared.credentials.status_list import LENGTH
from shared.events import Award, Holder, RegistrationRenewed
from shared.programme import parse_programme
from shared.runtime.commands import json_option

GOAL_BAKING = 20_000.0  # a second
GOAL_GROWTH = 4.0  # MB from the 2 000th credential to the last

_CANONISE: dict[str, Canonise] = {"PyLD": by_pyld, "pyoxigraph": by_pyoxigraph}
_GOALS = {"PyLD": 50.0, "pyoxigraph": 20.0}  # times, for the same work: signed credential and leaf
URL = "https://badges.example.jp"
SECRET = b"a secret of the bench only"
_BEGAN = datetime(2026, 4, 1, tzinfo=UTC)
_WARM = 2_000  # credentials before the first measurement of memory
_BATCH = 500  # at once, as events come


@click.command()
@click.option("--badges", default=20_000, show_default=True, help="署名する人数。 / Number of credentials to sign.")
@click.option(
    "--sample", default=100, show_default=True, help="比べる方法で署名する人数。 / Number that the other ways sign."
)
@json_option
def issue(badges: int, sample: int, as_json: bool) -> None:
    """署名の速さを、ほかの方法と並べて測る。 / Measure the rate of signing, compared with other ways.

    1 コアで署名し、文書全体を処理する PyLD、pyoxigraph と比べる。次にメモリーと絵への埋め込みを測る。
    / Signs on one core, beside PyLD and pyoxigraph on whole documents; then memory and baking.
    """
    measure(badges, sample).show(as_json=as_json)


def measure(badges: int, sample: int) -> Report:
    """Sign `badges` by template; sign a sample the other ways, one half before and one half after."""
    report = Report("issue")
    programme = Path(__file__).resolve().parents[1] / "programmes" / "jci.toml"
    issuer = Issuer(parse_programme(programme.read_text(encoding="utf-8")), URL)
    key = SigningKey(Ed25519PrivateKey.from_private_bytes(bytes(range(32))), issuer.did)
    signer = Signer(issuer, key, SECRET, Random(1))
    few = list(awards(sample, "SAMPLE"))
    mine = [signer.sign(*each) for each in few]
    rivals = [
        Rival(name, issuer, key, canonise, leaf) for name, canonise in _CANONISE.items() for leaf in (False, True)
    ]

    for rival in rivals:
        rival.sign(few[0])  # reads the contexts
        rival.measure(few[: sample // 2], mine[: sample // 2])
    rate, early, late = _ours(signer, badges)
    for rival in rivals:
        rival.measure(few[sample // 2 :], mine[sample // 2 :])

    report.add("signed, with leaf, by template", rate, "credentials/s")
    for rival in rivals:
        goal = _GOALS[rival.name] if rival.with_leaf else None
        name = f"{rival.name}{', with leaf' if rival.with_leaf else ''}"
        report.add(name, rival.rate, "credentials/s")
        report.compare(f"ours to {name}", rate, "credentials/s", name, rival.rate, at_least=goal)
    same = sum(rival.same for rival in rivals)
    report.add("credentials and leaves equal to ours", same, "of the samples", at_least=len(rivals) * sample)
    report.add("looked at twice", signer.checked, "credentials")
    report.add("left to the full algorithm", signer.in_full, "credentials")
    report.add(f"memory after the first {min(_WARM, badges)}", early, "MB")
    report.add(f"memory after all {badges}", late, "MB")
    report.add("memory grown between", late - early, "MB", at_most=GOAL_GROWTH)
    bodies = [sealed.body for sealed in mine]
    for standards, both in (("Open Badges 3.0", False), ("both standards", True)):
        goal_baking = GOAL_BAKING if both else None
        report.add(f"baked into a PNG of 14 KB, {standards}", _baking(bodies, both), "pictures/s", at_least=goal_baking)
    return report


class Rival:
    """One of the usual ways, and the time it took so far."""

    def __init__(self, name: str, issuer: Issuer, key: SigningKey, canonise: Canonise, with_leaf: bool) -> None:
        self.name, self.with_leaf = name, with_leaf
        self._issuer, self._key, self._canonise = issuer, key, canonise
        self._count = self._spent = 0.0
        self.same = 0

    @property
    def rate(self) -> float:
        return self._count / self._spent

    def sign(self, award: tuple[Assertion, datetime]) -> Sealed:
        document = credential_of(award[0], self._issuer, secret=SECRET)
        return sign_in_full(document, self._key, award[1], self._canonise, with_leaf=self.with_leaf)

    def measure(self, awards: Sequence[tuple[Assertion, datetime]], expected: Sequence[Sealed]) -> None:
        began = time.process_time()
        made = [self.sign(each) for each in awards]
        self._spent += time.process_time() - began
        self._count += len(awards)
        self.same += sum(
            one.body == other.body and (not self.with_leaf or one.leaf == other.leaf)
            for one, other in zip(made, expected, strict=True)
        )


def _ours(signer: Signer, badges: int) -> tuple[float, float, float]:
    """Credentials a CPU second; resident MB after the first 2 000 and after all. None of them is kept."""
    process, coming = psutil.Process(), awards(badges, "BENCH")
    spent = early = 0.0
    signed = 0
    while batch := list(islice(coming, _BATCH)):
        began = time.process_time()
        for award, at in batch:
            signer.sign(award, at)
        spent += time.process_time() - began
        signed += len(batch)
        if early == 0.0 and signed >= min(_WARM, badges):
            early = process.memory_info().rss / 2**20
    return badges / spent, early, process.memory_info().rss / 2**20


def awards(size: int, prefix: str) -> Iterator[tuple[Assertion, datetime]]:
    """Awards to fictional people, a third of them renewals, one in ten a correction; each at another second."""
    random = Random(prefix)
    for number, record in enumerate(crowd(size, cohort="2026", prefix=prefix)):
        award = msgspec.convert({**record, "cohort": "2026"}, Award)
        at = _BEGAN + timedelta(seconds=number)
        version = 2 if number % 10 == 9 else 1
        former = award.previous_registration_id
        yield (
            assertion_for(
                RegistrationRenewed(
                    award=award, holder=msgspec.convert(record, Holder), notify_from=_BEGAN, version=version
                ),
                secret=SECRET,
                now=at,
                status=StatusPlace(1 + number // 65_536, random.randrange(LENGTH)),
                edition="2026",
                replaces=assertion_id_of(SECRET, former) if former is not None else None,
                corrects=assertion_id_of(SECRET, award.registration_id) if version > 1 else None,
            ),
            at,
        )


def _baking(bodies: Sequence[bytes], both: bool) -> float:
    """Pictures a CPU second: the credential into the same picture, with or without its Open Badges 2.0 assertion."""
    picture = _png()
    texts = [
        (body, msgspec.json.encode(assertion_of(msgspec.json.decode(body), public_url=URL)) if both else None)
        for body in bodies
    ]
    for credential, assertion in texts:
        if unbake_png(bake_png(picture, credential=credential, assertion=assertion)) != Unbaked(credential, assertion):
            raise ValueError("got another badge out of a picture than was put in")
    rounds = max(1, 200_000 // len(texts))
    began = time.process_time()
    for _ in range(rounds):
        for credential, assertion in texts:
            bake_png(picture, credential=credential, assertion=assertion)
    return rounds * len(texts) / (time.process_time() - began)


def _png() -> bytes:
    """A picture of about 14 KB, grey noise."""
    side = 118
    rows = b"".join(b"\0" + Random(row).randbytes(side) for row in range(side))
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)),
        (b"IDAT", zlib.compress(rows)),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)) for name, body in chunks
    )
