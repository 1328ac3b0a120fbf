#include "CPlatform.h"

#include <zlib.h>

int64_t df_gunzip(const uint8_t *bytes, size_t count, uint8_t *target, size_t target_size,
                  size_t limit) {
  uint8_t scratch[16384];
  z_stream stream = {0};
  // 16: a gzip header and its checksum are expected.
  if (inflateInit2(&stream, 16 + MAX_WBITS) != Z_OK) return -1;
  size_t used = 0, done = 0;
  int64_t result = -1;
  for (;;) {
    if (stream.avail_in == 0 && used < count) {
      size_t piece = count - used < (1u << 30) ? count - used : (1u << 30);
      stream.next_in = (uint8_t *)(bytes + used);
      stream.avail_in = (uInt)piece;
      used += piece;
    }
    size_t room = sizeof scratch;
    stream.next_out = scratch;
    if (target && target_size > done) {
      room = target_size - done < (1u << 30) ? target_size - done : (1u << 30);
      stream.next_out = target + done;
    }
    stream.avail_out = (uInt)room;
    int status = inflate(&stream, Z_NO_FLUSH);
    size_t made = room - stream.avail_out;
    if (target && made > target_size - done) break;
    done += made;
    if (done > limit) {
      result = -2;
      break;
    }
    if (status == Z_STREAM_END) {
      if (stream.avail_in == 0 && used == count) {
        result = (int64_t)done;
        break;
      }
      if (inflateReset(&stream) != Z_OK) break;
      continue;
    }
    if (status != Z_OK && !(status == Z_BUF_ERROR && used < count)) break;
    if (status == Z_OK && made == 0 && stream.avail_in == 0 && used == count) break;
  }
  inflateEnd(&stream);
  return result;
}
