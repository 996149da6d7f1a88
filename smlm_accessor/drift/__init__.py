"""The Dataset of transformations: what it holds, and what can be done with it."""
