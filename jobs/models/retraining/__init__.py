"""Recent traffic on Kafka → new detectors beside the live ones, checked against them, ready to apply."""
