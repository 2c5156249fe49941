"""One network: key, contract, transactions, their state, and the move of all roots to another network."""
