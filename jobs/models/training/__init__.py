"""Training detectors from reference rows; training, threshold, calibration and test use disjoint rows.

It needs the extra `train` (alibi-detect 0.11.4, the last release under Apache-2.0). The job reads the written
folders without that extra.
"""
