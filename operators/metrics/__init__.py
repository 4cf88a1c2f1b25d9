"""Counts of requests, rows and errors per pipeline and step, and their Flink metrics."""
