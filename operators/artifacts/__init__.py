"""Model folders as MLServer reads them → steps that can be run.

Nothing is unpickled unless the folder still has the digest that its release recorded.
"""
