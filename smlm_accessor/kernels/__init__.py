"""Plain arrays and nothing else: never pandas, xarray or dask."""
