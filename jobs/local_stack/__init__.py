"""A Kafka broker and a Flink cluster on this machine, on loopback only.

Everything they write lies below one folder; every process they start carries the stack's id in its
environment, so that stopping finds all of them, also Python workers whose TaskManager was killed.
"""
