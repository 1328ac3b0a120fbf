#include "CModelProtos.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

// A few bytes of a message can stand for a structure of a hundred, so a file's size does not bound
// what parsing it allocates. This allocator does: it counts what is live and fails past the limit.
typedef struct {
  size_t used;
  size_t limit;
  int exceeded;
} budget;

// Sits before each block and keeps malloc's alignment.
typedef union {
  size_t size;
  max_align_t align;
} header;

static void *budget_alloc(void *data, size_t size) {
  budget *b = data;
  if (size > b->limit || b->limit - size < b->used || size > SIZE_MAX - sizeof(header)) {
    b->exceeded = 1;
    return NULL;
  }
  header *block = malloc(sizeof(header) + size);
  if (block == NULL) {
    b->exceeded = 1;
    return NULL;
  }
  block->size = size;
  b->used += size + sizeof(header);
  return block + 1;
}

static void budget_free(void *data, void *pointer) {
  if (pointer == NULL) return;
  budget *b = data;
  header *block = (header *)pointer - 1;
  b->used -= block->size + sizeof(header);
  free(block);
}

// Unpacks with `unpack` while at most `limit` bytes are live.
#define PARSE_WITHIN(type, unpack)                                    \
  budget b = {0, limit, 0};                                           \
  ProtobufCAllocator allocator = {budget_alloc, budget_free, &b};     \
  type *message = unpack(&allocator, length, bytes);                  \
  *status = message != NULL ? DF_PARSE_OK                             \
            : b.exceeded    ? DF_PARSE_TOO_LARGE                      \
                            : DF_PARSE_MALFORMED;                     \
  return message

#define FREE_WITH(free_unpacked)                                      \
  if (message == NULL) return;                                        \
  budget b = {SIZE_MAX, SIZE_MAX, 0};                                 \
  ProtobufCAllocator allocator = {budget_alloc, budget_free, &b};     \
  free_unpacked(message, &allocator)

Tensorflow__GraphDef *df_graphdef_parse(const uint8_t *bytes, size_t length, size_t limit,
                                        df_parse_status *status) {
  PARSE_WITHIN(Tensorflow__GraphDef, tensorflow__graph_def__unpack);
}

void df_graphdef_free(Tensorflow__GraphDef *message) {
  FREE_WITH(tensorflow__graph_def__free_unpacked);
}

Onnx__ModelProto *df_onnx_parse(const uint8_t *bytes, size_t length, size_t limit,
                                df_parse_status *status) {
  PARSE_WITHIN(Onnx__ModelProto, onnx__model_proto__unpack);
}

void df_onnx_free(Onnx__ModelProto *message) { FREE_WITH(onnx__model_proto__free_unpacked); }
