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

Tensorflow__GraphDef *df_graphdef_parse(const uint8_t *bytes, size_t length, size_t limit,
                                        df_parse_status *status) {
  budget b = {0, limit, 0};
  ProtobufCAllocator allocator = {budget_alloc, budget_free, &b};
  Tensorflow__GraphDef *graph = tensorflow__graph_def__unpack(&allocator, length, bytes);
  if (graph != NULL) {
    *status = DF_PARSE_OK;
  } else {
    *status = b.exceeded ? DF_PARSE_TOO_LARGE : DF_PARSE_MALFORMED;
  }
  return graph;
}

void df_graphdef_free(Tensorflow__GraphDef *graph) {
  if (graph == NULL) return;
  budget b = {SIZE_MAX, SIZE_MAX, 0};
  ProtobufCAllocator allocator = {budget_alloc, budget_free, &b};
  tensorflow__graph_def__free_unpacked(graph, &allocator);
}
