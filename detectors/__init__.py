"""Drift and outlier detectors: numpy, scipy and scikit-learn only; no Flink, no Kafka, no JSON.

Statistics, p-values and verdicts equal those of alibi-detect and scipy. P-values and distances are rounded
to float32, as in alibi-detect. Two cases that alibi-detect leaves undefined are defined here: tests exclude
missing values (NaN), and they exclude categories that occur in neither sample.
"""
