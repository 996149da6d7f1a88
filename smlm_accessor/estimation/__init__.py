"""The steps of an estimate: what is asked, what there is, what is used of it, what comes out.

`request` checks what the user asks; `sampling` scans all rows, chooses a sample and takes it;
`chunking` puts localizations into order, `chunks` says by which rule they are cut; `runner` lets
the method register chunks and builds the Dataset. `reduction` does the same for a method that sums
up all rows. `segments` are runs of frames that the user tells apart.
"""
