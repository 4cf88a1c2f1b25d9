"""The parts of `production_monitoring.py`: settings, Kafka tables, names of operators."""
