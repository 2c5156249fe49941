"""`akashi anchor` and `akashi contract`."""
