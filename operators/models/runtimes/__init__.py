"""What a step computes with a micro-batch of tensors: one module per runtime of MLServer and of Weir.

A step is pure: the same tensors give the same answer, whatever else is in the micro-batch. An error that it
raises is caused by the values that it was given.
"""
