"""One subtask of `infer`: which pipelines it serves, and micro-batch → responses. No Flink."""
