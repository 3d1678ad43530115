/* SPDX-License-Identifier: MIT */
/* The boot configuration, /.elfin/config in the image: what to run and how.
 *
 * Text, one "key=value" a line; in values \n, \\ and \0 stand for newline, backslash and NUL, and
 * bytes are otherwise taken as they are. Unknown keys are an error that names the line.
 *   exec=PATH          program, absolute path in the image; once, required
 *   arg=TEXT           next argument, the first is argv[0]
 *   env=NAME=VALUE     next environment variable
 *   cwd=PATH           current directory, default /
 *   hostname=NAME      default elfin
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

/* config_parse: read text[len]. Returns 0; -EINVAL with *bad_line = the line's number (from 1);
 * -ENOMEM. On error nothing is left allocated. Pure but for the heap. */
MUST_CHECK int config_parse(const char *text, size_t len, struct config *out, unsigned *bad_line);
void config_destroy(struct config *c);

#endif
