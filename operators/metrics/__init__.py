"""What a pipeline did, counted; and how Flink's metrics show it."""
