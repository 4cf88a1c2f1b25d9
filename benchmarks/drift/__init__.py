"""Benchmarks of the drift detectors: false alarms, power and speed.

Each number is a time, or a share of windows of which it is known that none drifted, or that all did.
"""
