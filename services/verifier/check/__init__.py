"""The checks and the verdict, from evidence alone; pure."""
