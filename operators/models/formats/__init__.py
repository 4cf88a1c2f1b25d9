"""Loaders of model folders: one module per kind of folder reads its files and returns a runtime."""
