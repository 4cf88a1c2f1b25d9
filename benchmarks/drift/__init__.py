"""Benchmarks of the drift detectors: false alarms, power and speed.

Each number is a time, or a share of windows. Either none of these windows drifted, or all of them.
"""
