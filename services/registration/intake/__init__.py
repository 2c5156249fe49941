"""Step 1, deliveries: how they are sent in, taken in part by part, and answered row by row."""
