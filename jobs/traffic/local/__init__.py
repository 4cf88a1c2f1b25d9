"""A pipeline in this process: the job's own engine and windows, without Kafka and Flink.

What Kafka gives the job is made up here: requests come from one partition, `offset` counts them from 0, and
all of them carry the time at which the run began.
"""
