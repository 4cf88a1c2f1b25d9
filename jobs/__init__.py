"""What can be run: the streaming job, training, the command line, the local stack.

The only code that knows flags, files, brokers and clusters.
"""
