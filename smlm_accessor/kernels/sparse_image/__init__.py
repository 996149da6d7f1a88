"""The sparse image of a field, and how localizations fit into it."""
