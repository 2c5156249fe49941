"""Operations: the board on which the office sees the whole cohort, the dead letters, and the `akashi` command."""
