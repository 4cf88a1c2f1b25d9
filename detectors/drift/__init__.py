"""Drift of a window against a reference: a test per feature, effect sizes, calibration, verdicts."""
