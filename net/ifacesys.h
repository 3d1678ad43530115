/* SPDX-License-Identifier: MIT */
/* The table that /sys/class is made of: network interfaces. */
#ifndef NET_IFACESYS_H
#define NET_IFACESYS_H

#include "fs/textfs.h"

extern const struct textfs_entry ifacesys_table[];

#endif
