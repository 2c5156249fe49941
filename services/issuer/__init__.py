"""Step 3: one signed credential for each registration, the badge classes, the issuer's documents and the status lists."""
