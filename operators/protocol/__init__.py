"""Open Inference Protocol V2: from requests in JSON or protobuf to columns of a micro-batch, and back.

`json_codec` and `protobuf_codec` each implement one encoding. `decode` detects the encoding of a value.
`batching` gathers many requests into columns. `encode` writes responses in the encoding of their requests.
`inference_pb2` is generated from `inference.proto`.
"""
