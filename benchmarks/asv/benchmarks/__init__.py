"""Benchmarks for asv: `asv continuous main HEAD --factor 1.2` in benchmarks/asv."""
