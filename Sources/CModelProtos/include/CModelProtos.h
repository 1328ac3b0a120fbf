// protobuf-c descriptions of the model files that deepfreeze reads, and parsing in bounded memory.
//
// graphdef.pb-c.{c,h} and onnx.pb-c.{c,h} are protoc-c's output for protos/*.proto:
//   protoc-c --c_out=. graphdef.proto onnx.proto
#ifndef CMODELPROTOS_H
#define CMODELPROTOS_H

#include "graphdef.pb-c.h"
#include "onnx.pb-c.h"

/// Why a message could not be parsed.
typedef enum {
  DF_PARSE_OK = 0,
  DF_PARSE_MALFORMED = 1,
  DF_PARSE_TOO_LARGE = 2,
} df_parse_status;

/// Parses a GraphDef while at most `limit` bytes are allocated at once. Returns null and sets
/// `status` when the bytes are not a GraphDef or need more. Free it with df_graphdef_free.
Tensorflow__GraphDef *df_graphdef_parse(const uint8_t *bytes, size_t length, size_t limit,
                                        df_parse_status *status);

/// Frees what df_graphdef_parse returned; null is allowed.
void df_graphdef_free(Tensorflow__GraphDef *message);

/// Parses an ONNX ModelProto while at most `limit` bytes are allocated at once. Returns null and
/// sets `status` when the bytes are not a ModelProto or need more. Free it with df_onnx_free.
Onnx__ModelProto *df_onnx_parse(const uint8_t *bytes, size_t length, size_t limit,
                                df_parse_status *status);

/// Frees what df_onnx_parse returned; null is allowed.
void df_onnx_free(Onnx__ModelProto *message);

#endif
