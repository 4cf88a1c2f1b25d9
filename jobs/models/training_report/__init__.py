"""The report on a training run: an HTML page with charts, and a model card."""
