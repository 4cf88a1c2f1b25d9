"""Verbs for the Flink job and the local stack."""
