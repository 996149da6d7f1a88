"""The coarse drift: good to about one localization precision, a start for other methods."""
