"""Converting alibi-detect's dill and pickle files so that the runtimes need neither dill nor TensorFlow."""
