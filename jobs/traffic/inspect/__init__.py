"""Inspection of topics: the records that an expression names, a filter for them, and their display."""
