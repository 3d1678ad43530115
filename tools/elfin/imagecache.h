/* SPDX-License-Identifier: MIT */
/* Images of earlier runs, in $XDG_CACHE_HOME/elfin/images or ~/.cache/elfin/images. The folder can
 * be removed at any time; a cache that cannot be used is as good as an empty one. */
#ifndef TOOLS_ELFIN_IMAGECACHE_H
#define TOOLS_ELFIN_IMAGECACHE_H

#include <stddef.h>

#include "tools/elfin/words.h"

struct imagecache {
    char *path;
    int folder; /* descriptor, -1 if there is no cache */
};

void imagecache_open(struct imagecache *c);
void imagecache_close(struct imagecache *c);

/* imagecache_find: the image that was kept for exactly this plan. Returns a descriptor, at whose
 * start lie the *len bytes of the image; -1 if there is none. */
int imagecache_find(const struct imagecache *c, const struct text *plan, size_t *len);

/* imagecache_keep: remember the first len bytes of image for the plan; the oldest are forgotten
 * when all together take too much room. */
void imagecache_keep(const struct imagecache *c, const struct text *plan, int image, size_t len);

#endif
