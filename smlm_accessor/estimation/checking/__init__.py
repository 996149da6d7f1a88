"""What a table gets wrong: coarse rounding, and uncertainties that cannot be right."""
