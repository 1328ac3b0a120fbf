// The system's libraries that the package uses: libpng (images), zlib (gzip), libcrypto (SHA-256) and
// Linux.
#ifndef CPLATFORM_H
#define CPLATFORM_H
#include <openssl/sha.h>
#include <stddef.h>
#include <stdint.h>
#include <zlib.h>

// A PNG image's extents as it is decoded here: 8-bit samples, grey (1 channel) or RGB (3).
struct df_png_info {
  uint32_t width;
  uint32_t height;
  uint32_t channels;
};

// Reads the header of a PNG file in memory. Returns 1, or 0 with a sentence in `message`.
int df_png_read_info(const uint8_t *bytes, size_t count, struct df_png_info *info, char *message,
                     size_t message_size);

// Decodes a PNG file into `samples`, which holds height * width * channels bytes as
// df_png_read_info gave them. Palettes become RGB, samples of 16 bits keep their high byte, alpha
// is dropped, gamma is left alone. Returns 1, or 0 with a sentence in `message`.
int df_png_read_samples(const uint8_t *bytes, size_t count, uint8_t *samples, size_t samples_size,
                        char *message, size_t message_size);

// Lets two folders change names, in one step where the file system can do that. Returns 0, or -1
// with errno set, and then both have their old names.
int df_exchange(const char *first, const char *second);

#endif
