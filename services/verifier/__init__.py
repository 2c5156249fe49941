"""The verifier: what a third party sees of a badge, and whether it counts."""
