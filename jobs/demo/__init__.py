"""The demonstration: the real job answers traffic with known truth, and its results are checked."""
