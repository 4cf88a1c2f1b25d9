"""Requests: sent to a pipeline, looked at on topics, answered in this process."""
