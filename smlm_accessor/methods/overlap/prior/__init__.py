"""What is known of the drift beforehand: how it counts beside what localizations show."""
