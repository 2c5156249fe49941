"""The issuer's keys, and what is signed with them."""
