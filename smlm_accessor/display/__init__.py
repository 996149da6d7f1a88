"""What drift, models and tables say of themselves: as text, and in a notebook."""
