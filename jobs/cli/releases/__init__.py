"""Verbs that publish and show releases."""
