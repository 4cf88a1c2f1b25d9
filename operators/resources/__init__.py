"""Schemas and checks of manifests: Seldon's `Model` and `Pipeline`, and Weir's own `Monitor`.

Documents are read strictly: a key that the schema does not have is an error. A field of a `spec` that Weir
does not support is refused with an error or reported with a notice; none is ignored silently.
"""
