"""New localizations registered onto those whose drift is known, while a movie is recorded."""
