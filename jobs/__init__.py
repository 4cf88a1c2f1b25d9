"""Everything that can be run: the streaming job, training, the command line, the local stack.

Only this layer handles flags, files, brokers and clusters.
"""
