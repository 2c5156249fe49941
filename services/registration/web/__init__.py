"""Registration over HTTP: the intake, and the pages for people."""
