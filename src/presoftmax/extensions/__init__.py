"""Pieces of the user's own, named as ``FILE.py:NAME``: models, attacks, objectives, updates, scores."""

from presoftmax.extensions.python_file import Loaded, absolute_spec, call, is_python_name, load_object, takes_two

__all__ = ["Loaded", "absolute_spec", "call", "is_python_name", "load_object", "takes_two"]
