"""The public, signed count of badges."""
