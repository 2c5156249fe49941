"""`akashi bench anchor`: from awards to proofs for one batch on one core, compared with cert-issuer; memory; gas.

Ours does more than the stage of cert-issuer: it signs each credential, makes its JSON, and canonicalises it twice;
cert-issuer canonicalises its input once. Rates are per CPU second.
"""

from __future__ import annotations

import json
import resource
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

import click
import httpx
import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from deploy.bench.issue import SECRET, URL, awards
from deploy.bench.report import Report
from deploy.bench.rivals import contexts
from deploy.local.environment import REPOSITORY
from deploy.local.parts.anvil import anvil_program
from deploy.local.ports import free_port
from services.issuer.domain.issuance import Issuer
from services.issuer.signing.keys import SigningKey
from services.issuer.signing.signer import Signer
from shared.chain.registry import read_artifact
from shared.credentials.merkle import merkle_tree
from shared.credentials.merkle_proof import Anchor, MerkleProof, encode_proof
from shared.programme import parse_programme
from shared.runtime.commands import json_option

GOAL_RATIO = 20.0
GOAL_GAS = 52_000.0
GOAL_MEMORY = 300.0  # MB

RIVAL = REPOSITORY / "var" / "bench" / "cert-issuer" / "bin" / "python"
_TRANSACTION = "0x" + "ab" * 32
_SEPOLIA = 11155111


@click.command()
@click.option("--badges", default=100_000, show_default=True, help="バッチの件数。 / Leaves of the batch.")
@click.option("--sample", default=200, show_default=True, help="cert-issuer に渡す件数。 / Sample for cert-issuer.")
@click.option("--rival", type=click.Path(path_type=Path), default=RIVAL, help="cert-issuer の Python。 / Its Python.")
@json_option
def anchor(badges: int, sample: int, rival: Path, as_json: bool) -> None:
    """正準形・ハッシュ木・証明の速さを、cert-issuer と並べて測ります。

    / Speed of canonical form, tree and encoded proofs on one core, compared with cert-issuer 3.13.1.
    """
    if not rival.exists():
        raise click.ClickException(
            f"{rival} がありません。`make bench-rival` で入ります。 / Run `make bench-rival` first."
        )
    measure(badges, sample, rival).show(as_json=as_json)


def measure(badges: int, sample: int, rival: Path) -> Report:
    """One batch of ours; of cert-issuer a tree of the same size, and a sample of documents and proofs."""
    signer = _signer()
    spent_on_leaves = 0.0
    leaves: list[bytes] = []
    for award, at in awards(badges, "BENCH"):
        began = time.process_time()
        leaves.append(bytes.fromhex(signer.sign(award, at).leaf))
        spent_on_leaves += time.process_time() - began
    began = time.process_time()
    tree = merkle_tree(leaves)
    spent_on_tree = time.process_time() - began
    anchors = (Anchor(_SEPOLIA, _TRANSACTION),)
    began = time.process_time()
    for leaf in leaves:
        proof = MerkleProof(path=tree.proof(leaf), merkle_root=tree.root, target_hash=leaf, anchors=anchors)
        encode_proof(proof)
    spent_on_proofs = time.process_time() - began
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

    theirs = rival_seconds(rival, sample, badges)
    report = Report("anchor")
    rates = {
        "signed, canonical form and leaf": (badges / spent_on_leaves, theirs["canonical"]),
        "tree": (badges / spent_on_tree, theirs["tree"]),
        "proof, encoded": (badges / spent_on_proofs, theirs["proof"]),
    }
    for name, (rate, seconds) in rates.items():
        report.compare(name, rate, "badges/s", "cert-issuer", 1 / seconds)
    ours = badges / (spent_on_leaves + spent_on_tree + spent_on_proofs)
    report.add("cert-issuer, all three", 1 / sum(theirs.values()), "badges/s")
    report.compare("all three", ours, "badges/s", "cert-issuer", 1 / sum(theirs.values()), at_least=GOAL_RATIO)
    report.add("memory at its peak", memory, "MB", at_most=GOAL_MEMORY)
    for size in (1, badges):
        gas = _gas(merkle_tree(leaves[:size]).root)
        report.add(f"gas of a root of {size} leaves", gas, "gas", at_most=GOAL_GAS)
    return report


def _signer() -> Signer:
    programme = Path(__file__).resolve().parents[1] / "programmes" / "jci.toml"
    issuer = Issuer(parse_programme(programme.read_text(encoding="utf-8")), URL)
    key = SigningKey(Ed25519PrivateKey.from_private_bytes(bytes(range(32))), issuer.did)
    return Signer(issuer, key, SECRET, Random(1))


def rival_seconds(python: Path, sample: int, leaves: int) -> dict[str, float]:
    """CPU seconds for one badge of each step of cert-issuer, by a sample of our credentials in a tree of `leaves`.

    Its documents have no proof yet, as it would get them.
    """
    signer = _signer()
    documents = [msgspec.json.decode(signer.sign(*each).body) for each in awards(sample, "SAMPLE")]
    asked = {
        "contexts": contexts(),
        "documents": [{name: value for name, value in each.items() if name != "proof"} for each in documents],
        "leaves": leaves,
    }
    stage = Path(__file__).with_name("cert_issuer_stage.py")
    answer = subprocess.run([python, stage], input=json.dumps(asked), capture_output=True, text=True, check=False)
    if answer.returncode != 0:
        raise click.ClickException(f"cert-issuer: {answer.stderr[-500:]}")
    found: dict[str, float] = json.loads(answer.stdout.splitlines()[-1])
    return found


def _gas(root: bytes) -> int:
    """The gas of the transaction with this root on a fresh chain, by its receipt."""
    with _chain() as ask:
        sender = ask("eth_accounts")[0]
        data = read_artifact()["bytecode"] + sender.removeprefix("0x").rjust(64, "0")
        deployed = ask("eth_sendTransaction", {"from": sender, "data": data})
        contract = ask("eth_getTransactionReceipt", deployed)["contractAddress"]
        sent = ask("eth_sendTransaction", {"from": sender, "to": contract, "data": "0x" + root.hex()})
        receipt = ask("eth_getTransactionReceipt", sent)
        if receipt["status"] != "0x1":
            raise click.ClickException(f"the root was refused in {sent}")
        return int(receipt["gasUsed"], 16)


@contextmanager
def _chain() -> Iterator[Any]:
    """A fresh chain that mines each transaction at once; yields a function that calls it."""
    program = anvil_program()
    if program is None:
        raise click.ClickException("anvil がありません。`make setup` で入ります。 / Run `make setup` first.")
    port = free_port()
    process = subprocess.Popen([program, "--host", "127.0.0.1", "--port", str(port), "--silent"])

    def ask(method: str, *values: Any) -> Any:
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": values}
        answer = httpx.post(f"http://127.0.0.1:{port}", json=body, timeout=30).json()
        if "error" in answer:
            raise click.ClickException(f"{method}: {answer['error']}")
        return answer["result"]

    try:
        for _ in range(200):
            try:
                ask("eth_chainId")
                break
            except httpx.TransportError:
                time.sleep(0.05)
        yield ask
    finally:
        process.kill()
        process.wait()
