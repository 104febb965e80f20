"""From blocks to the pixels of a target grid: gather and resample."""
