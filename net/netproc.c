/* SPDX-License-Identifier: MIT */
/* The table that /proc/net is made of. Owns nothing, no locks. Source: proc(5). */
#include "net/netproc.h"

#include "net/unix.h"

const struct textfs_entry netproc_table[] = {
    TEXTFS_FILE("unix", unixproc_show),
    {.name = NULL},
};
