"""The local stack: every part and service on this machine, in one folder."""
