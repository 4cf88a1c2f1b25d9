"""One subtask of `infer`: the pipelines that it serves, and micro-batch → responses. Uses no Flink."""
