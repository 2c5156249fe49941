"""Decisions about batches, anchorings, proofs and costs; pure."""
