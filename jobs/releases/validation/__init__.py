"""Manifests → releases: everything that can be checked without a broker."""
