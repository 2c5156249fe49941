"""The servers that services need: broker, database, object storage, chain, mail."""
