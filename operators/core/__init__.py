"""What all the others use: errors, tensors, micro-batches, state, redaction. No Kafka, no manifests."""
