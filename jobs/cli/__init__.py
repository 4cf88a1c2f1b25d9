"""The `weir` command: a module a verb, each thin over what anyone can do with Flink and a Kafka client."""
