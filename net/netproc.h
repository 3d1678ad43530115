/* SPDX-License-Identifier: MIT */
/* /proc/net. */
#ifndef NET_NETPROC_H
#define NET_NETPROC_H

#include "fs/textfs.h"

extern const struct textfs_entry netproc_table[];

#endif
