"""Structures: where emitters are."""
