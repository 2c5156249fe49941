"""`akashi verify` and others."""
