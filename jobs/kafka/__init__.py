"""Clients of Kafka: topics, requests and responses, the newest records, rates, firing alerts."""
