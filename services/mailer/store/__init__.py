"""The SQL of the mailer's schema."""
