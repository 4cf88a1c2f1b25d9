"""Verbs that send requests and show records."""
