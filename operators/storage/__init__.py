"""Fetches the folder of a model from its storageUri to a private copy with a digest, and checks its trust."""
