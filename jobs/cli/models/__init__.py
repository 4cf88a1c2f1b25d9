"""Verbs that make and check model folders."""
