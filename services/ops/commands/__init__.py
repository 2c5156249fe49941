"""Commands of the office: `akashi status` and others."""
