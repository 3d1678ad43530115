/* SPDX-License-Identifier: MIT */
/* The file layer on the host, with an empty tmpfs as root and current directory. */
#ifndef TEST_FAKE_FILES_H
#define TEST_FAKE_FILES_H

#include "fs/vnode.h"

/* The root's mount: made before main, never destroyed. */
extern struct mount *fake_root;

/* fake_files_clear: remove all names below dir, a directory of a tmpfs; the current directory is
 * the root again, and the root the mount's. */
void fake_files_clear(struct vnode *dir);

/* Calls of mmap_forget_file so far. */
extern unsigned long fake_forgotten;

#endif
