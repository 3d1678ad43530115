/* SPDX-License-Identifier: MIT */
/* What tests of AF_UNIX sockets share: addresses in a directory of their own, readiness. */
#ifndef GUEST_UNIX_H
#define GUEST_UNIX_H

#include <poll.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "test/guest/show.h"

#define PATH_AT offsetof(struct sockaddr_un, sun_path)

struct address {
    struct sockaddr_un un;
    socklen_t len;
};

/* enter_directory, leave_directory: an empty one, which must be empty again. */
static char unix_directory[32];

static inline void enter_directory(void)
{
    strcpy(unix_directory, "/tmp/unixXXXXXX");
    if (mkdtemp(unix_directory) == NULL || chdir(unix_directory) != 0)
        printf("no directory\n");
}

static inline void leave_directory(void)
{
    SHOW(chdir("/"));
    SHOW(rmdir(unix_directory));
}

static inline struct address path_address(const char *path)
{
    struct address a = {.un.sun_family = AF_UNIX, .len = (socklen_t)(PATH_AT + strlen(path) + 1)};
    strncpy(a.un.sun_path, path, sizeof(a.un.sun_path) - 1);
    return a;
}

/* An abstract name: text behind a NUL, and the process's number, as the host has other users. */
static inline struct address abstract_address(const char *text)
{
    struct address a = {.un.sun_family = AF_UNIX};
    int n = snprintf(a.un.sun_path + 1, sizeof(a.un.sun_path) - 1, "elfin-%d-%s", getpid(), text);
    a.len = (socklen_t)(PATH_AT + 1 + (size_t)n);
    return a;
}

static inline struct sockaddr *sa(struct address *a)
{
    return (struct sockaddr *)&a->un;
}

static inline int bind_to(int fd, struct address a)
{
    return bind(fd, sa(&a), a.len);
}

static inline int connect_to(int fd, struct address a)
{
    return connect(fd, sa(&a), a.len);
}

static inline long send_to(int fd, const char *text, struct address a)
{
    return sendto(fd, text, strlen(text), MSG_DONTWAIT, sa(&a), a.len);
}

static inline int unix_socket(int type)
{
    return socket(AF_UNIX, type, 0);
}

static inline int listener_at(int type, struct address a, int backlog)
{
    int fd = unix_socket(type);
    if (bind_to(fd, a) != 0 || listen(fd, backlog) != 0)
        printf("no listener: %s\n", errno_name(errno));
    return fd;
}

static inline void show_address(const char *what, const struct sockaddr_un *un, socklen_t len)
{
    printf("%s: length %u", what, len);
    if (len > PATH_AT && un->sun_path[0] != 0)
        printf(", path %s", un->sun_path);
    else if (len > PATH_AT)
        printf(", abstract");
    printf(", family %d\n", len >= PATH_AT ? un->sun_family : -1);
}

static inline void show_events(const char *what, int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN | POLLOUT | POLLPRI | POLLRDHUP | POLLRDNORM};
    int n = poll(&p, 1, 0);
    printf("%s: %d%s%s%s%s%s%s%s%s\n", what, n, (p.revents & POLLIN) != 0 ? " IN" : "",
           (p.revents & POLLRDNORM) != 0 ? " RDNORM" : "", (p.revents & POLLOUT) != 0 ? " OUT" : "",
           (p.revents & POLLPRI) != 0 ? " PRI" : "", (p.revents & POLLERR) != 0 ? " ERR" : "",
           (p.revents & POLLHUP) != 0 ? " HUP" : "", (p.revents & POLLRDHUP) != 0 ? " RDHUP" : "",
           (p.revents & POLLNVAL) != 0 ? " NVAL" : "");
}

#endif
