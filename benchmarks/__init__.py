"""The figures that README states, measured again by `python -m benchmarks`."""
