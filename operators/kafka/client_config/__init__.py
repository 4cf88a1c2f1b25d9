"""A properties file of Kafka's Java clients, and what it means for the clients in Python."""
