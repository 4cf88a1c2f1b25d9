"""Flink's command line and REST API, and the files that Weir passes to them."""
