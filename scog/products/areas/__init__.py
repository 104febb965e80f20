"""Areas of interest: parsing, sampling grids, weighted statistics, table columns."""
