"""Registration methods: one package each, arrays in, arrays out.

A new method is a package whose `method.py` has a function under ``@register("name")``, and a name
in `registry`. Other packages bring methods by entry points.
"""
