"""Files of XGBoost and LightGBM: what they hold beside their trees, and treelite models made of them.

Neither library is needed to read or to serve them.
"""
