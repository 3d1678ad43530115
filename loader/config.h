/* SPDX-License-Identifier: MIT */
/* The boot configuration: what to run and how. It is the text between the end of the root image and
 * that of the initial RAM disk; where nothing is there, the file /.elfin/config in the image.
 *
 * Text, one "key=value" a line; in values \n and \\ stand for newline and backslash, and bytes are
 * otherwise taken as they are. Values are C strings: a NUL, raw or as \0, is an error. So are
 * unknown keys, empty lines, and a second line of a key that is not arg or env; the error names the
 * line.
 *   exec=PATH          program, absolute path in the image; once, required
 *   arg=TEXT           next argument, the first is argv[0]
 *   env=NAME=VALUE     next environment variable
 *   cwd=PATH           current directory, absolute, default /
 *   hostname=NAME      1 to 64 bytes, default elfin
 *   rewrite=0|1        default 1
 *   stats=0|1          default 0
 *   uid=N gid=N        default 0
 *   stack=BYTES        RLIMIT_STACK, default 8388608 */
#ifndef LOADER_CONFIG_H
#define LOADER_CONFIG_H

#include "kernel/base/base.h"

struct config {
    char *exec, *cwd, *hostname; /* heap, NUL-ended */
    char **args, **env; /* heap arrays, NULL-ended */
    unsigned nargs, nenv;
    bool rewrite, stats;
    uint32_t uid, gid;
    uint64_t stack_limit;
};

/* config_parse: read text[len]. Returns 0; -EINVAL with *bad_line = the line's number (from 1;
 * the one after the last when exec is missing); -ENOMEM. On error nothing is left allocated.
 * Pure but for the heap. */
MUST_CHECK int config_parse(const char *text, size_t len, struct config *out, unsigned *bad_line);
void config_destroy(struct config *c);

#endif
