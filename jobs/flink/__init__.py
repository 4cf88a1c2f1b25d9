"""A Flink cluster, ours or yours: its REST API, and its command line, which is printed before it is run."""
