"""`akashi bench`: what things cost and how fast they are, beside rivals."""
