"""Rules and findings → alerts that fire and resolve. Uses neither Flink nor Kafka."""
