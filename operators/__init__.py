"""What runs inside Flink's workers: requests in columns, the pipeline's plan over them, windows of rows.

Only `infer` and `monitor` know Flink, and they are adapters; everything else is pure and tested without a
JVM. Imports point one way, `jobs → operators → detectors`.
"""
