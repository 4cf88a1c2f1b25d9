"""Reference rows → detectors in folders, each trained, thresholded, calibrated and tested on rows of its own.

Needs the extra `train` (alibi-detect 0.11.4, the last release under Apache-2.0); what it writes is read
without it.
"""
