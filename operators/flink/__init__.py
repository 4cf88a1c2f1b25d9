"""The adapters between Flink and the rest: the only operators that import PyFlink."""
