"""Maximum overlap of all localizations."""
