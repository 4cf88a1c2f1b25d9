"""Outlier scores of rows: isolation forest, Mahalanobis distance, variational autoencoder."""
