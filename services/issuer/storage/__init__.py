"""What the issuer keeps in object storage, compared with its tables."""
