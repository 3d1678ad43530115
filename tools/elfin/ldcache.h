/* SPDX-License-Identifier: MIT */
/* Reader of /etc/ld.so.cache, where glibc's dynamic linker looks for libraries. */
#ifndef TOOLS_ELFIN_LDCACHE_H
#define TOOLS_ELFIN_LDCACHE_H

#include <stddef.h>

#include "tools/elfin/words.h"

struct ldcache {
    char *data; /* the whole file and a NUL; NULL if there is none that can be read */
    size_t len;
};

/* ldcache_open: read the file. What is damaged or of another form counts as empty. */
void ldcache_open(struct ldcache *c, const char *path);
void ldcache_close(struct ldcache *c);

/* ldcache_find: append to out the paths of every x86-64 library called name, in the cache's
 * order. */
void ldcache_find(const struct ldcache *c, const char *name, struct words *out);

#endif
