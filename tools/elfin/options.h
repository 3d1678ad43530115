/* SPDX-License-Identifier: MIT */
/* The command line of `elfin run`. */
#ifndef TOOLS_ELFIN_OPTIONS_H
#define TOOLS_ELFIN_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "tools/elfin/accel.h"
#include "tools/elfin/net.h"
#include "tools/elfin/words.h"

struct run_options {
    uint64_t memory; /* bytes, whole MiB; 0: chosen to fit */
    unsigned cpus; /* 1.. */
    struct words env; /* NAME=VALUE */
    struct words add; /* HOSTPATH or HOSTPATH:GUESTPATH */
    struct words qemu; /* more arguments for the hypervisor */
    struct words boot; /* more options for the kernel */
    struct words args; /* the program as it was named, then its arguments */
    const char *cwd; /* of the guest, absolute; NULL: that of the caller */
    const char *root; /* host folder; NULL: the root is put together from the host's files */
    const char *keep_image; /* where to leave a copy of the image; NULL: nowhere */
    const char *image; /* boot this one instead of building one */
    const char *log; /* what the guest's log shows, NULL for warnings */
    enum accel accel;
    struct net_options net;
    bool no_rewrite, stats, dry_run, verbose;
    bool help; /* print the help instead */
};

/* options_parse: read argv[argc] behind "run". Returns 0, or an exit status after a message.
 * Strings point into argv; options_fini frees the rest. */
int options_parse(int argc, char **argv, struct run_options *out);
void options_fini(struct run_options *o);

/* options_help: what `elfin run --help` prints. */
const char *options_help(void);

#endif
