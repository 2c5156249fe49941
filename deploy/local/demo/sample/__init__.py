"""The sample cohort: fictional people, each for a case that registration knows."""
