"""Looking into topics: whose records an expression means, which are wanted, and how they are shown."""
