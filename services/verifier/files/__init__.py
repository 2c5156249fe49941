"""The formats that a badge comes in."""
