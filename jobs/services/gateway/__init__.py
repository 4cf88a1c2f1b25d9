"""A synchronous door in front of the topics: Open Inference Protocol over HTTP.

A request becomes a record of a pipeline's inputs, under a key of its own; the record of its outputs with that
key becomes the response.
"""
