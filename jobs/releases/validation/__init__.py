"""Validation of manifests: everything that can be checked without a broker."""
