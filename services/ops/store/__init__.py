"""The SQL of ops: events, board, decisions."""
