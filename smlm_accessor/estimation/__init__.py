"""The steps of an estimate: what is asked, what there is, what is used of it, what comes out.

`request` checks what the user asks; `scan` goes over all rows once, to find their frames and where
they lie; `sampling` says which localizations are used, all or a sample, and `chunking` puts them
into order; `image_counts` makes images of many rows, planned by the rows of `pilot`; `runner` lets
the method register chunks and builds the Dataset. `in_memory` takes a part of a large table into
memory.
"""
