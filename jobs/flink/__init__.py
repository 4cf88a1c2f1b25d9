"""Flink's command line and REST API, and the files that they are given."""
