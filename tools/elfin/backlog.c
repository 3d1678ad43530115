/* SPDX-License-Identifier: MIT */
/* QEMU's user network listens with room for one connection that it has not accepted yet. Of a
 * burst, the others are told nothing, and their clients try again a second later. Whoever has a
 * listening socket can change its backlog, so we take a copy of the descriptor for a moment.
 * Source: pidfd_getfd(2), listen(2). */
#include "tools/elfin/backlog.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tools/elfin/report.h"

#define BACKLOG 4096 /* Linux's own limit, net.core.somaxconn, is the same or less */

/* The TCP port that fd listens at; 0: it does not. */
static unsigned listens_at(int fd)
{
    int listening = 0;
    socklen_t len = sizeof(listening);
    struct sockaddr_in name = {0};
    socklen_t name_len = sizeof(name);
    if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) != 0 || !listening ||
        getsockname(fd, (struct sockaddr *)&name, &name_len) != 0 || name.sin_family != AF_INET) {
        return 0;
    }
    return ntohs(name.sin_port);
}

static bool is_published(const struct ports *p, unsigned port)
{
    for (size_t i = 0; i < p->count; i++) {
        if (!p->items[i].udp && p->items[i].host == port) {
            return true;
        }
    }
    return false;
}

static size_t count_tcp(const struct ports *p)
{
    size_t n = 0;
    for (size_t i = 0; i < p->count; i++) {
        n += !p->items[i].udp;
    }
    return n;
}

/* Returns how many sockets were widened, a negative errno when descriptors cannot be had. */
static long widen_all(int process, DIR *descriptors, const struct ports *p)
{
    long n = 0;
    for (const struct dirent *e; (e = readdir(descriptors)) != NULL;) {
        long theirs = strtol(e->d_name, NULL, 10); /* "." and "..": 0, which is no such socket */
        int fd = (int)syscall(SYS_pidfd_getfd, process, theirs, 0);
        if (fd < 0 && (errno == EPERM || errno == ENOSYS)) {
            return -errno;
        }
        unsigned port = fd >= 0 ? listens_at(fd) : 0;
        if (port != 0 && is_published(p, port) && listen(fd, BACKLOG) == 0) {
            n++;
        }
        if (fd >= 0) {
            close(fd);
        }
    }
    return n;
}

bool backlog_widen(pid_t pid, const struct ports *p)
{
    size_t wanted = count_tcp(p);
    if (wanted == 0) {
        return true;
    }
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
    int process = (int)syscall(SYS_pidfd_open, pid, 0);
    DIR *descriptors = process >= 0 ? opendir(path) : NULL;
    long n = descriptors != NULL ? widen_all(process, descriptors, p) : -errno;
    if (descriptors != NULL) {
        closedir(descriptors);
    }
    if (process >= 0) {
        close(process);
    }
    if (n < 0) {
        report_detail("ports have room for one waiting connection only: no access to QEMU's "
                      "sockets (error %ld)",
                      -n);
    }
    return n < 0 || (size_t)n >= wanted;
}
