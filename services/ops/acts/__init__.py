"""What the office orders and decides, and what becomes of it."""
