"""The badges of an account: received, shown, handed to other wallets, taken out."""
