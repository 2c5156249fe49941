"""Step 3: a signed credential for each registration, badge classes, the issuer's documents, status lists."""
