"""The `weir` command: one module per verb, each a thin layer over Flink and a Kafka client."""
