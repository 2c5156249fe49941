"""Networks, their endpoints, and the registry contract."""
