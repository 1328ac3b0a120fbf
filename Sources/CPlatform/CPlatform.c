#include "CPlatform.h"

#include <png.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>

// A PNG file in memory while libpng reads it, and where an error goes.
struct source {
  const uint8_t *bytes;
  size_t left;
  char *message;
  size_t message_size;
};

static void read_bytes(png_structp png, png_bytep target, png_size_t count) {
  struct source *source = png_get_io_ptr(png);
  if (count > source->left) png_error(png, "the file is truncated");
  memcpy(target, source->bytes, count);
  source->bytes += count;
  source->left -= count;
}

static void on_error(png_structp png, png_const_charp message) {
  struct source *source = png_get_error_ptr(png);
  snprintf(source->message, source->message_size, "%s", message);
  longjmp(png_jmpbuf(png), 1);
}

static void on_warning(png_structp png, png_const_charp message) {
  (void)png;
  (void)message;
}

// Reads the header and asks libpng for 8-bit grey or RGB samples. Runs inside the caller's setjmp.
static void read_header(png_structp png, png_infop info) {
  png_set_user_limits(png, 1u << 20, 1u << 20);
  png_set_chunk_malloc_max(png, 1u << 23);
  png_read_info(png, info);
  png_set_palette_to_rgb(png);
  png_set_expand_gray_1_2_4_to_8(png);
  png_set_strip_16(png);
  png_set_strip_alpha(png);
}

// Reads the header, and the samples too when `samples` is given.
static int read_png(const uint8_t *bytes, size_t count, struct df_png_info *result,
                    uint8_t *samples, size_t samples_size, char *message, size_t message_size) {
  struct source source = {bytes, count, message, message_size};
  png_structp png =
      png_create_read_struct(PNG_LIBPNG_VER_STRING, &source, on_error, on_warning);
  png_infop info = png ? png_create_info_struct(png) : NULL;
  if (!info) {
    snprintf(message, message_size, "libpng has no memory");
    png_destroy_read_struct(&png, &info, NULL);
    return 0;
  }
  if (setjmp(png_jmpbuf(png))) {
    png_destroy_read_struct(&png, &info, NULL);
    return 0;
  }
  png_set_read_fn(png, &source, read_bytes);
  read_header(png, info);
  int passes = png_set_interlace_handling(png);
  png_read_update_info(png, info);
  result->width = png_get_image_width(png, info);
  result->height = png_get_image_height(png, info);
  result->channels = png_get_channels(png, info);
  if (png_get_bit_depth(png, info) != 8 || (result->channels != 1 && result->channels != 3))
    png_error(png, "its samples cannot be brought to 8-bit grey or RGB");
  if (samples) {
    size_t row = (size_t)result->width * result->channels;
    if (png_get_rowbytes(png, info) != row || samples_size != row * result->height)
      png_error(png, "its rows have an unexpected size");
    for (int pass = 0; pass < passes; pass++)
      for (uint32_t y = 0; y < result->height; y++)
        png_read_row(png, samples + y * row, NULL);
    png_read_end(png, NULL);
  }
  png_destroy_read_struct(&png, &info, NULL);
  return 1;
}

int df_png_read_info(const uint8_t *bytes, size_t count, struct df_png_info *info, char *message,
                     size_t message_size) {
  return read_png(bytes, count, info, NULL, 0, message, message_size);
}

int df_png_read_samples(const uint8_t *bytes, size_t count, uint8_t *samples, size_t samples_size,
                        char *message, size_t message_size) {
  struct df_png_info info;
  return read_png(bytes, count, &info, samples, samples_size, message, message_size);
}
