"""The pictures of badge classes, drawn; pure."""
