"""Rules and findings → alerts that fire and resolve. No Flink, no Kafka."""
