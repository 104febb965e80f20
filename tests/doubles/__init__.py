"""Stand-ins and material that tests share: servers that fail on cue, rasters whose pixels say where they are."""
