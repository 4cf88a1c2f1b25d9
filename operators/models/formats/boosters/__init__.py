"""Files of XGBoost and LightGBM: their metadata, and adjustments of the treelite models read from them.

Neither library is needed to read or to serve the files.
"""
