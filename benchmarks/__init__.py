"""What it costs and how quick it is: `make bench`. Nothing here is asserted in tests."""
