/* SPDX-License-Identifier: MIT */
/* The files of /etc that say who and where the machine is: what the C library reads for names of
 * hosts. They are made here only where the image has none, or empty ones, as images of containers
 * do. */
#ifndef FS_ETC_H
#define FS_ETC_H

#include "kernel/base/base.h"

/* etc_write_names: /etc/hostname and /etc/hosts.
 *   address  of the machine, as text; what follows a '/' does not count. NULL: one of the loopback
 * Returns 0 or a negative errno. Context: boot. */
MUST_CHECK int etc_write_names(const char *hostname, const char *address);

/* etc_write_resolv: /etc/resolv.conf.
 *   servers  array[n] of addresses as text; the C library reads three
 *   search   domains with blanks between them, or NULL
 * Called again, it changes what it has written. Without any servers and domains the file is left
 * empty, or not made.
 * Returns 0, also when the image has its own; or a negative errno.
 * Context: may block; any thread, whatever the program's ids are. */
MUST_CHECK int etc_write_resolv(const char *const servers[], unsigned n, const char *search);

#endif
