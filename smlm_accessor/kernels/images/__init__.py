"""Images of localizations, their transforms, and sums under localizations."""
