"""Cross-correlation of images of chunks."""
