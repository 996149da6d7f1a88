"""Windows of time: the movie cut into them, and how long they should be."""
