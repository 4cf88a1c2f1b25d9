"""A synchronous HTTP gateway to the topics: Open Inference Protocol V2.

Each request becomes a record of the pipeline's input topic, with a unique key. The record of the output topic
with the same key becomes the response.
"""
