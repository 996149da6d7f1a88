"""A package of somebody else's; its entry point ``nothing`` is a mistake."""
