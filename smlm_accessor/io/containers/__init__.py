"""What formats are made of: HDF5, MATLAB 5, lines of text."""
