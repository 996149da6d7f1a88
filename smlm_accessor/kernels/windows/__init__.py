"""What windows of time know of each other, and the drift that follows from it."""
