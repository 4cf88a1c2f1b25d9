"""A pipeline in this process: the job's own engine and windows, without Kafka and Flink.

The data that Kafka provides to the job is simulated: all requests are from one partition, their offsets count
from 0, and their timestamp is the time at which the run began.
"""
