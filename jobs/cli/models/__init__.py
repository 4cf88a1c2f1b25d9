"""Verbs that create and check model folders."""
