"""The files in a model's folder → a runtime: one module for each kind of folder."""
