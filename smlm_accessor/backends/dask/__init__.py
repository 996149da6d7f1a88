"""The partitions of dask, which nothing else knows."""
