"""`akashi backup` and `akashi restore`."""
