"""The field cut into blocks, and what estimates owe to each."""
