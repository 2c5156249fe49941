"""PDF files: pages prepared once, people set into them."""
