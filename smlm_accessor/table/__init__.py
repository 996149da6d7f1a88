"""A table of localizations: its columns, units and history."""
