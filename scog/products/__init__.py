"""Products computed from images: crops, animations, contact sheets, scene lists, time series, zonal statistics."""
