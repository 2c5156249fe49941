"""anchor: puts the hash of each accepted badge on an Ethereum chain, in Merkle batches (steps 6 and 7 of the cycle)."""
