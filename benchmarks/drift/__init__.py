"""Drift detectors measured: how often they cry wolf, what they find, and how long they take.

Every number is a share of windows whose truth is known (none drifted, or all did), or a time.
"""
