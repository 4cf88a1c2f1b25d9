"""What is true of jobs, pipelines and models, as Kafka and Flink tell it: conditions with reasons."""
