"""PDF files: pages are prepared once, then filled in for each person."""
