"""Adapters between Flink and the other operators. Only these modules import PyFlink."""
