"""Drift and outlier detectors: numpy, scipy and treelite only; no Flink, no Kafka, no JSON.

Statistics, p-values and verdicts are those of alibi-detect and scipy, p-values and distances rounded to
float32 as alibi-detect rounds them. What alibi-detect leaves undefined is defined here: a missing value
(NaN) is no member of any sample, and a category that nobody has takes no part in a test.
"""
