"""Rules about records, numbers, names, addresses and cohorts; pure."""
