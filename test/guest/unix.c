/* SPDX-License-Identifier: MIT */
/* AF_UNIX: names of sockets, and which error comes first when arguments are bad.
 * Source: bind(2), listen(2), accept(2), connect(2), getsockname(2), unix(7). */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/stat.h>

#include "test/guest/unix.h"

#define BAD ((void *)8)

static void show_name(const char *what, int fd)
{
    struct sockaddr_un un;
    socklen_t len = sizeof(un);
    memset(&un, 'x', sizeof(un));
    if (SHOW(getsockname(fd, (void *)&un, &len)) == 0)
        show_address(what, &un, len);
}

static void show_mode(const char *path)
{
    struct stat st = {.st_mode = 0};
    SHOW(stat(path, &st));
    printf("%s: %o, %d links\n", path, st.st_mode, (int)st.st_nlink);
}

static void test_arguments(void)
{
    int file = open("/dev/null", O_RDWR), s = unix_socket(SOCK_STREAM);
    struct address a = path_address("never");
    socklen_t len = sizeof(a.un), negative = (socklen_t)-1;
    SHOW(bind(-1, sa(&a), len));
    SHOW(bind(file, sa(&a), len));
    SHOW(bind(s, BAD, len));
    SHOW(bind(s, sa(&a), 0));
    SHOW(bind(s, sa(&a), 1));
    SHOW(bind(s, sa(&a), (socklen_t)-1));
    SHOW(bind(s, sa(&a), 111));
    SHOW(bind(s, sa(&a), 200));
    SHOW(connect(-1, sa(&a), len));
    SHOW(connect(file, sa(&a), len));
    SHOW(connect(s, BAD, len));
    SHOW(connect(s, sa(&a), 2));
    SHOW(connect(s, sa(&a), 1000));
    SHOW(listen(-1, 1));
    SHOW(listen(file, 1));
    SHOW(listen(s, 1));
    SHOW(accept(-1, NULL, NULL));
    SHOW(accept(file, NULL, NULL));
    SHOW(accept4(file, NULL, NULL, 1));
    SHOW(accept(s, NULL, NULL));
    SHOW(getsockname(-1, sa(&a), &len));
    SHOW(getsockname(file, sa(&a), &len));
    SHOW(getsockname(s, sa(&a), BAD));
    SHOW(getsockname(s, BAD, &len));
    SHOW(getsockname(s, sa(&a), &negative));
    SHOW(getpeername(s, sa(&a), &len));
    SHOW(getpeername(s, BAD, BAD));
    a.un.sun_family = AF_INET;
    SHOW(bind(s, sa(&a), sizeof(a.un)));
    SHOW(connect(s, sa(&a), sizeof(a.un)));
    a.un.sun_family = AF_UNSPEC;
    SHOW(connect(s, sa(&a), sizeof(a.un)));
    close(file);
    close(s);
}

static void test_types(void)
{
    static const int types[] = {SOCK_STREAM, SOCK_DGRAM,  SOCK_RAW, SOCK_RDM, SOCK_SEQPACKET,
                                SOCK_DCCP,   SOCK_PACKET, 0,        11,       15};
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        int type = -1;
        socklen_t len = sizeof(type);
        int fd = SHOW_ERR(socket(AF_UNIX, types[i], 0));
        if (fd >= 0 && getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0)
            printf("type %d is %d\n", types[i], type);
        close(fd);
    }
    SHOW(socket(AF_UNIX, SOCK_STREAM, 2));
    SHOW(socket(AF_UNIX, SOCK_STREAM | 0x100000, 0));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, AF_UNIX);
    SHOW(fcntl(fd, F_GETFD));
    SHOW(fcntl(fd, F_GETFL) == (O_RDWR | O_NONBLOCK));
    close(fd);
}

static void test_paths(void)
{
    int s = unix_socket(SOCK_STREAM), t = unix_socket(SOCK_STREAM);
    char longest[sizeof(((struct sockaddr_un *)0)->sun_path)];
    struct address a = path_address("x");
    show_name("no name", s);
    umask(022);
    SHOW(bind_to(s, path_address("first")));
    show_name("path", s);
    show_mode("first");
    SHOW(bind_to(s, path_address("second")));
    SHOW(access("second", F_OK));
    SHOW(bind_to(s, path_address("first")));
    SHOW(bind_to(t, path_address("first")));
    SHOW(bind_to(t, path_address("none/there")));
    SHOW(bind_to(t, path_address("first/there")));
    SHOW(bind_to(t, path_address("/proc/there")));
    SHOW(open("first", O_RDWR));
    SHOW(open("first", O_RDONLY | O_CREAT, 0600));
    SHOW(unlink("first"));
    show_name("unlinked", s);
    umask(0);
    a.len = PATH_AT + 1; /* no NUL in it */
    SHOW(bind_to(t, a));
    show_name("one letter", t);
    show_mode("x");
    SHOW(unlink("x"));
    close(t);
    t = unix_socket(SOCK_DGRAM);
    memset(longest, 'y', sizeof(longest));
    memset(a.un.sun_path, 'y', sizeof(a.un.sun_path));
    a.len = sizeof(a.un);
    SHOW(bind_to(t, a));
    socklen_t len = 200;
    char big[200];
    SHOW(getsockname(t, (void *)big, &len));
    printf("longest: %u, %d\n", len, memcmp(big + PATH_AT, longest, sizeof(longest)));
    memset(big, 0, sizeof(big));
    memcpy(big, longest, sizeof(longest));
    SHOW(unlink(big));
    close(s);
    close(t);
}

static void test_abstract(void)
{
    int s = unix_socket(SOCK_STREAM), t = unix_socket(SOCK_STREAM), d = unix_socket(SOCK_DGRAM);
    struct sockaddr_un un;
    struct address a = abstract_address("name"), b = a;
    socklen_t len = sizeof(un);
    a.un.sun_path[a.len++ - PATH_AT] = 0; /* NULs count */
    a.un.sun_path[a.len++ - PATH_AT] = 'z';
    SHOW(bind_to(s, a));
    SHOW(bind_to(t, a));
    SHOW(bind_to(d, a)); /* another type, another name */
    SHOW(bind_to(t, b)); /* shorter */
    SHOW(getsockname(s, (void *)&un, &len));
    SHOW(len == a.len && memcmp(&un, &a.un, len) == 0);
    len = 5;
    SHOW(getsockname(s, (void *)&un, &len));
    SHOW(len == a.len);
    SHOW(bind_to(s, b));
    close(s);
    s = unix_socket(SOCK_STREAM);
    SHOW(bind_to(s, a)); /* free again */
    close(s);
    close(t);
    close(d);
    s = unix_socket(SOCK_STREAM);
    a.un.sun_path[0] = 0;
    a.len = PATH_AT + 1;
    SHOW(bind_to(s, a) == 0 || errno == EADDRINUSE); /* the empty name is one, too */
    close(s);
}

static void test_auto(void)
{
    int s = unix_socket(SOCK_STREAM), t = unix_socket(SOCK_DGRAM);
    struct sockaddr_un un, again;
    socklen_t len = sizeof(un);
    struct address a = {.un.sun_family = AF_UNIX, .len = PATH_AT};
    SHOW(bind_to(s, a));
    SHOW(getsockname(s, (void *)&un, &len));
    printf("length %u, digits %zu\n", len, strspn(un.sun_path + 1, "0123456789abcdef"));
    SHOW(bind_to(s, a)); /* has one */
    len = sizeof(again);
    SHOW(getsockname(s, (void *)&again, &len));
    SHOW(memcmp(&un, &again, len));
    SHOW(bind_to(s, path_address("no")));
    SHOW(bind_to(t, a));
    len = sizeof(again);
    SHOW(getsockname(t, (void *)&again, &len));
    SHOW(len);
    close(s);
    close(t);
}

int main(void)
{
    enter_directory();
    test_arguments();
    test_types();
    test_paths();
    test_abstract();
    test_auto();
    leave_directory();
    return 0;
}
