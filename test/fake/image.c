/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "test/fake/image.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FEATURE_COMPAT 1032 /* of the superblock: bit 0 says that there is a checksum */

static char place[64]; /* holds tree/ and image */

static void need(bool ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "test image: %s\n", what);
        exit(1);
    }
}

static void run(const char *command)
{
    need(system(command) == 0, command);
}

void fake_image_begin(void)
{
    char command[128];
    const char *base = getenv("TMPDIR");
    snprintf(place, sizeof(place), "%s/elfin-image-XXXXXX", base != NULL ? base : "/tmp");
    need(mkdtemp(place) != NULL, place);
    snprintf(command, sizeof(command), "mkdir %s/tree", place);
    run(command);
}

uint8_t fake_image_byte(size_t size, size_t i)
{
    return (uint8_t)(size + i * 7 + i / 251);
}

void fake_image_put(const char *name, size_t size)
{
    char path[512];
    snprintf(path, sizeof(path), "%s/tree/%s", place, name);
    FILE *f = fopen(path, "w");
    need(f != NULL, path);
    for (size_t i = 0; i < size; i++) {
        fputc(fake_image_byte(size, i), f);
    }
    need(fclose(f) == 0, path);
}

void fake_image_run(const char *script)
{
    char command[4096];
    snprintf(command, sizeof(command), "cd %s/tree && set -e; %s", place, script);
    run(command);
}

static uint8_t *load(const char *path, size_t *len)
{
    FILE *f = fopen(path, "r");
    need(f != NULL && fseek(f, 0, SEEK_END) == 0, path);
    *len = (size_t)ftell(f);
    rewind(f);
    uint8_t *image = aligned_alloc(PAGE_SIZE, *len);
    need(image != NULL && fread(image, 1, *len, f) == *len, path);
    fclose(f);
    return image;
}

uint8_t *fake_image_end(const char *options, size_t *len)
{
    char command[512];
    snprintf(command, sizeof(command), "mkfs.erofs --quiet %s %s/image %s/tree >/dev/null 2>&1",
             options, place, place);
    run(command);
    snprintf(command, sizeof(command), "%s/image", place);
    uint8_t *image = load(command, len);
    snprintf(command, sizeof(command), "rm -rf %s", place);
    run(command);
    return image;
}

void fake_image_strip_checksum(uint8_t *image)
{
    image[FEATURE_COMPAT] &= (uint8_t)~1;
}
