"""The account: who is logged in, by which means, and the letters about it."""
