"""Drift of a window from a reference: a test per feature, effect sizes, calibration, verdicts."""
