"""The steps of an estimate: what is asked, what there is, what is used of it, what comes out.

`request` checks what the user asks; `survey` goes over all rows once, to find their frames and
places; `drawing` says which localizations are used, all or a sample, and `points` puts them into
order; `counting` makes images of many rows, planned by the rows of `pilot`; `registration` lets the
method register chunks and builds the Dataset. `sampling` takes a part of a large table into memory.
"""
