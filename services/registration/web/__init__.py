"""The doors of registration: intake over HTTP, and the pages for people."""
