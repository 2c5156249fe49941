"""Step 3: a signed credential per registration, badge classes, the issuer's documents, status lists, revocation."""
