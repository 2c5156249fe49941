"""What stands on a certificate; pure."""
