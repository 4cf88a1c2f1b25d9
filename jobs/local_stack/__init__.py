"""Kafka brokers and a Flink cluster on this machine, on loopback only.

All their files are below one folder. Every process has the stack's id in its environment. `weir down` finds
all processes by it, also Python workers whose TaskManager was killed.
"""
