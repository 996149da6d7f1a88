"""Registration methods: one file each, arrays in, arrays out.

A new method is one file with a function under ``@register("name")`` and one line in `_registry`.
"""
