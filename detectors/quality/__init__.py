"""Data quality: missing, unseen and out-of-range values, per value and per window."""
