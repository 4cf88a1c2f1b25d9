"""Traffic: requests sent to a pipeline, records shown from topics, pipelines run in this process."""
