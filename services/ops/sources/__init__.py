"""What ops asks others: lag, metrics, registration."""
