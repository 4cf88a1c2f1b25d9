"""Open Inference Protocol V2: requests in JSON or protobuf ⇄ columns of a micro-batch.

`json_codec` and `protobuf_codec` each know one encoding; `requests` finds out which one a value is in,
`gathering` puts many requests into columns, `responses` writes them back in the encoding they came in.
`inference_pb2` is generated from `inference.proto`.
"""
