"""A series of images registered by correlation: stages that cc, rcc and the coarse drift share."""
