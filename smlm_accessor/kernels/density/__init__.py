"""The density of localizations, in tiles of the field."""
