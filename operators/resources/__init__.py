"""`Model` and `Pipeline` documents of `mlops.seldon.io/v1alpha1`: schema, reference grammar, checks.

Documents are read strictly: a key that Seldon's schema does not have is an error, and a field that Weir
does not honour is refused with a message, never ignored.
"""
