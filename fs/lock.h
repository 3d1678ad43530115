/* SPDX-License-Identifier: MIT */
/* File locks: flock(2), and record locks of the process (F_SETLK) and of open files
 * (F_OFD_SETLK). */
#ifndef FS_LOCK_H
#define FS_LOCK_H

#include "kernel/file.h"

enum lock_kind { LOCK_OF_PROCESS, LOCK_OF_FILE, LOCK_WHOLE }; /* fcntl, OFD, flock */

/* A range of a file: [start, end], end INT64_MAX for "to the end". */
struct lock_range {
    int type; /* F_RDLCK, F_WRLCK, F_UNLCK */
    int64_t start, end;
};

/* lock_set: take, change or drop f's lock of a kind. wait: sleep until it is free.
 * Returns 0, -EAGAIN, -EINTR, -ENOMEM. Context: may block. */
MUST_CHECK int lock_set(struct file *f, enum lock_kind kind, const struct lock_range *want,
                        bool wait);

/* lock_test: what keeps f from taking *range; F_UNLCK in type when nothing does. *kind is the kind
 * of the lock in the way. */
void lock_test(struct file *f, enum lock_kind *kind, struct lock_range *range);

/* lock_release: f is closed for good: its own locks go. lock_forget: the process closed a
 * descriptor of f: its record locks on that file go. */
void lock_release(struct file *f);
void lock_forget(struct file *f);

#endif
