"""Operations: the board of a cohort, the dead letters, the orders of the office, and the command `akashi`."""
