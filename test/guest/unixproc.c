/* SPDX-License-Identifier: MIT */
/* /proc/net/unix: what it says about sockets of the program. Source: proc(5). */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/stat.h>

#include "test/guest/unix.h"

/* The line of the socket fd, but for its number and inode. */
static void show_line(const char *what, int fd)
{
    char line[512], path[512];
    unsigned long inode;
    unsigned refs, protocol, flags, type, state;
    struct stat st = {.st_ino = 0};
    FILE *f = fopen("/proc/net/unix", "r");
    fstat(fd, &st);
    printf("%s:", what);
    while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
        path[0] = 0;
        int n = sscanf(line, "%*x: %x %x %x %x %x %lu %511s", &refs, &protocol, &flags, &type,
                       &state, &inode, path);
        const char *end = strrchr(path, '-');
        if (n >= 6 && inode == st.st_ino)
            printf(" refs %u protocol %u flags %x type %u state %u%s%s", refs, protocol, flags,
                   type, state, path[0] == '@' ? " @" : " ", end != NULL ? end : path);
    }
    printf("\n");
    if (f != NULL)
        fclose(f);
}

static void count_pending(const char *name)
{
    char line[512];
    int n = 0;
    FILE *f = fopen("/proc/self/net/unix", "r");
    while (f != NULL && fgets(line, sizeof(line), f) != NULL)
        n += strstr(line, name) != NULL && strstr(line, " 02     0 ") != NULL;
    printf("not accepted: %d\n", n);
    if (f != NULL)
        fclose(f);
}

int main(void)
{
    char line[128] = "";
    struct address a = abstract_address("proc");
    FILE *f = fopen("/proc/net/unix", "r");
    if (f != NULL && fgets(line, sizeof(line), f) != NULL)
        printf("%s", line);
    if (f != NULL)
        fclose(f);
    enter_directory();
    int d = unix_socket(SOCK_DGRAM), c = unix_socket(SOCK_STREAM), p[2];
    show_line("datagram", d);
    bind_to(d, path_address("datagram"));
    show_line("bound", d);
    int l = listener_at(SOCK_STREAM, a, 5);
    show_line("listener", l);
    show_line("stream", c);
    connect_to(c, a);
    show_line("connected", c);
    count_pending(a.un.sun_path + 1);
    int s = accept(l, NULL, NULL);
    show_line("accepted", s);
    count_pending(a.un.sun_path + 1);
    SHOW(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, p));
    show_line("pair", p[0]);
    close(p[0]);
    show_line("widow", p[1]);
    SHOW(unlink("datagram"));
    show_line("unlinked", d);
    leave_directory();
    return 0;
}
