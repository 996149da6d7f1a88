"""The order of frames, and samples of them."""
