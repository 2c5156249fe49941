"""Formats: credential, Merkle tree and proof, status list, did:web, contexts; pure."""
