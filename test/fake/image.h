/* SPDX-License-Identifier: MIT */
/* EROFS images made by mkfs.erofs from a tree that the test describes. */
#ifndef TEST_FAKE_IMAGE_H
#define TEST_FAKE_IMAGE_H

#include "kernel/base/base.h"

/* fake_image_begin: an empty tree. A failure of any of these ends the test. */
void fake_image_begin(void);

/* fake_image_put: a file of size bytes, byte i being fake_image_byte(size, i). */
void fake_image_put(const char *name, size_t size);
uint8_t fake_image_byte(size_t size, size_t i);

/* fake_image_run: a shell script with the tree as current directory. */
void fake_image_run(const char *script);

/* fake_image_end: the image, made with these options of mkfs.erofs; *len bytes, page-aligned, to be
 * freed with free(). The tree is gone. */
uint8_t *fake_image_end(const char *options, size_t *len);

/* fake_image_strip_checksum: let changes of the first block pass. */
void fake_image_strip_checksum(uint8_t *image);

#endif
