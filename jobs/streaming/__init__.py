"""What `production_monitoring.py` is made of: settings, Kafka tables, names of operators."""
