"""Verbs that send, answer and show requests."""
