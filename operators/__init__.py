"""The code that runs in Flink's workers: requests in columns, the plan of a pipeline, windows of rows.

Only the adapters `infer` and `monitor` depend on Flink. Everything else is tested without a JVM. Imports have
one direction: `jobs → operators → detectors`.
"""
