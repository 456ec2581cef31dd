"""How fast, against what floor: `python -m benchmarks`."""
