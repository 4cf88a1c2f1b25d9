"""Code that all packages use: errors, tensors, micro-batches, state, redaction. No Kafka, no manifests."""
