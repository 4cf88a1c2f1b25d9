"""Clients of Kafka: topics, requests and responses, the newest records, request rates, firing alerts."""
