"""Images of localizations as labelled arrays, free of any plotting."""
