"""What a step computes with a micro-batch of tensors: one module for each of MLServer's runtimes and ours.

A step is pure: the same tensors give the same answer, whatever else is in the micro-batch, and an error that
it raises is about the values that it was given.
"""
