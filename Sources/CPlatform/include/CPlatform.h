// The system's libraries that NeuralGraph uses: libpng (images) and libcrypto (SHA-256).
#ifndef CPLATFORM_H
#define CPLATFORM_H
#include <openssl/sha.h>
#include <png.h>
#endif
