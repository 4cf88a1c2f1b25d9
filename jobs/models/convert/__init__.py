"""alibi-detect's dill and pickle files → files that the runtimes read without dill and TensorFlow."""
