"""Conditions of jobs, pipelines and models, each with a reason, from the state of Kafka and Flink."""
