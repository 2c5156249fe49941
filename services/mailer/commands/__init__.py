"""`akashi letters`."""
