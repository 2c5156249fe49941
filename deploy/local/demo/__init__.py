"""`make run`: the sample cohort and its played holders."""
