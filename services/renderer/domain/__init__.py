"""Content and layout of a certificate; pure."""
