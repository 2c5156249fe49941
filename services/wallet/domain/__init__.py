"""Rules about accounts, badges, throttling and orders of paper; pure."""
