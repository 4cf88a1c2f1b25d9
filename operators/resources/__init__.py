"""Seldon's `Model` and `Pipeline`, and `Monitor` of our own: schema, reference grammar, checks.

Documents are read strictly: a key that the schema does not have is an error, and a field that Weir does not
honour is refused with a message, never ignored.
"""
