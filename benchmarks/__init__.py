"""Benchmarks of cost and speed, run by `make bench`. No test asserts their results."""
