"""One small program a contender, each run by the Python of that contender's environment (see `benchmarks.peers`).

What they have in common, so that nobody is asked for more than another: `exchange` (the conversation with the
benchmark, and its clocks), `work` (what is asked: grid, bands, formula, composite), `item` (a scene as STAC), `gdal`
(the settings of those that read through GDAL).
"""
