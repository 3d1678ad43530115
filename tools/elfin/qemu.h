/* SPDX-License-Identifier: MIT */
/* Starts the hypervisor. The one place that knows how QEMU wants to be told. */
#ifndef TOOLS_ELFIN_QEMU_H
#define TOOLS_ELFIN_QEMU_H

#include <stdint.h>
#include <sys/types.h>

#include "tools/elfin/accel.h"
#include "tools/elfin/net.h"
#include "tools/elfin/words.h"

/* Streams between tool and machine; each is a socket. */
enum qemu_stream {
    QEMU_STDIN,
    QEMU_STDOUT,
    QEMU_STDERR,
    QEMU_LOG,
    QEMU_EVENTS, /* to the machine: signals and what becomes of the terminal */
    QEMU_SERIAL,
    QEMU_STREAMS
};

struct qemu_machine {
    enum accel accel;
    uint64_t memory; /* bytes */
    unsigned cpus; /* 1.. */
    const char *kernel; /* host path */
    const char *image; /* host path of the root image */
    const char *options; /* kernel command line */
    struct net *net; /* open */
    const struct words *more; /* arguments for the hypervisor as they are */
};

struct qemu {
    pid_t pid;
    int stream[QEMU_STREAMS]; /* the tool's ends, non-blocking */
    int messages; /* what QEMU itself says */
};

/* qemu_find: the path of the hypervisor's program. Returns 0 or an exit status after a message. */
int qemu_find(char **out);

/* qemu_command: append program and arguments to out. The streams are descriptors QEMU_FD_FIRST + n,
 * those of a tap QEMU_FD_TAP + n; what they are made from must be at least QEMU_FD_END. */
#define QEMU_FD_FIRST 10
#define QEMU_FD_TAP (QEMU_FD_FIRST + QEMU_STREAMS)
#define QEMU_FD_END (QEMU_FD_TAP + TAP_QUEUES_MAX)
void qemu_command(const char *program, const struct qemu_machine *m, struct words *out);

/* qemu_start: run command, connected to fresh sockets and to the network n, whose ports it takes.
 * It dies with the tool, and signals of the terminal do not reach it. Returns 0 or an exit status
 * after a message. */
int qemu_start(const struct words *command, struct net *n, struct qemu *out);

#endif
