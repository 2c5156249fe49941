"""The stage of cert-issuer 3.13.1 that ours is compared with. Run by the Python of its own environment.

Reads JSON from standard input: contexts by URL, some documents, how many leaves the tree has. Takes the same steps as
its CertificateBatchHandler (normalise, populate, make the tree, proofs), by its own functions, and prints the CPU
seconds a badge of each.
"""

from __future__ import annotations

import hashlib
import json
import sys
import time

from cert_core import Chain
from cert_issuer.merkle_tree_generator import MerkleTreeGenerator
from cert_schema import extend_preloaded_context, normalize_jsonld


def main() -> None:
    asked = json.load(sys.stdin)
    for url, context in asked["contexts"].items():
        extend_preloaded_context(url, context)
    documents = asked["documents"]
    normalize_jsonld(documents[0], detect_unmapped_fields=True)  # what it reads once doesn't count
    began = time.process_time()
    for document in documents:
        normalize_jsonld(document, detect_unmapped_fields=True).encode("utf-8")
    canonical = (time.process_time() - began) / len(documents)

    generator = MerkleTreeGenerator()
    leaves = [hashlib.sha256(str(number).encode()).digest() for number in range(asked["leaves"])]
    began = time.process_time()
    generator.populate(leaves)
    generator.get_blockchain_data()
    tree = (time.process_time() - began) / len(leaves)

    proofs = generator.get_proof_generator("0x" + "ab" * 32, Chain.ethereum_sepolia)
    began = time.process_time()
    sizes = [len(next(proofs)) for _ in documents]
    proof = (time.process_time() - began) / len(sizes)
    print(json.dumps({"canonical": canonical, "tree": tree, "proof": proof}))


if __name__ == "__main__":
    main()
