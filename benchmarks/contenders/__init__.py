"""One small program per contender, each run by the Python of that contender's environment (see `benchmarks.peers`).

Shared modules keep the work equal: `exchange` (the protocol with the benchmark, and timing), `work` (requests: grid,
bands, formula, composite), `item` (a scene as STAC), `gdal` (settings of contenders that read through GDAL).
"""
