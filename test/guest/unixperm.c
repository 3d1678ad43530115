/* SPDX-License-Identifier: MIT */
/* AF_UNIX sockets and permissions: who may bind and connect, who one's peer is said to be, and what
 * is left when descriptors run out. Source: unix(7), path_resolution(7), accept(2). */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "test/guest/unix.h"

#define OTHER 12345

static void show_mode(const char *path)
{
    struct stat st = {.st_mode = 0};
    SHOW(stat(path, &st));
    printf("%s: %o, owner %d %d\n", path, st.st_mode, st.st_uid == OTHER, st.st_gid == OTHER);
}

static void become(uid_t id)
{
    if (id != 0)
        SHOW(setegid(id));
    SHOW(seteuid(id));
    if (id == 0)
        SHOW(setegid(id));
}

static void show_cred(const char *what, int fd)
{
    struct ucred c = {0};
    socklen_t len = sizeof(c);
    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &c, &len);
    printf("%s: %d %d\n", what, c.uid, c.gid);
}

static void test_paths(void)
{
    int l = listener_at(SOCK_STREAM, path_address("door"), 9), c = unix_socket(SOCK_STREAM);
    SHOW(chmod("door", 0600));
    become(OTHER);
    SHOW(connect_to(c, path_address("door")));
    SHOW(bind_to(c, path_address("mine")));
    become(0);
    SHOW(chmod("door", 0602));
    SHOW(chmod(".", 0777));
    become(OTHER);
    SHOW(bind_to(c, path_address("mine")));
    show_mode("mine");
    SHOW(connect_to(c, path_address("door"))); /* writing is enough */
    show_cred("listener", c);
    become(0);
    show_cred("listener", c);
    int s = accept(l, NULL, NULL);
    show_cred("client, as it was then", s);
    SHOW(chmod(".", 0700));
    become(OTHER);
    int d = unix_socket(SOCK_STREAM);
    SHOW(connect_to(d, path_address("door"))); /* out of reach */
    become(0);
    SHOW(connect_to(d, path_address("door")));
    SHOW(unlink("door"));
    SHOW(unlink("mine"));
    close(c);
    close(d);
    close(l);
    close(s);
}

/* The mode that the node gets can be set before it is there. */
static void test_mode(void)
{
    int s = unix_socket(SOCK_STREAM);
    struct stat st;
    SHOW(fchmod(s, 0640));
    SHOW(fstat(s, &st));
    printf("%o\n", st.st_mode);
    umask(0);
    SHOW(bind_to(s, path_address("narrow")));
    show_mode("narrow");
    SHOW(fchmod(s, 0777));
    show_mode("narrow");
    SHOW(unlink("narrow"));
    close(s);
}

static void test_cred(void)
{
    union {
        char space[CMSG_SPACE(sizeof(struct ucred))];
        struct cmsghdr align;
    } control;
    struct iovec v = {(void *)(size_t) "x", 1};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = &control};
    struct ucred c = {getpid(), 1, 1};
    int p[2], on = 1;
    char byte;
    socketpair(AF_UNIX, SOCK_STREAM, 0, p);
    setsockopt(p[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on));
    m.msg_controllen = sizeof(control);
    struct cmsghdr *h = CMSG_FIRSTHDR(&m);
    *h = (struct cmsghdr){CMSG_LEN(sizeof(c)), SOL_SOCKET, SCM_CREDENTIALS};
    memcpy(CMSG_DATA(h), &c, sizeof(c));
    SHOW(sendmsg(p[0], &m, 0)); /* root may say that it is another */
    become(OTHER);
    SHOW(sendmsg(p[0], &m, 0));
    become(0);
    v.iov_base = &byte;
    SHOW(recvmsg(p[1], &m, 0));
    memcpy(&c, CMSG_DATA(h), sizeof(c));
    printf("%d %d %d\n", c.pid == getpid(), c.uid, c.gid);
    close(p[0]);
    close(p[1]);
}

/* Without a free descriptor accept takes no connection away. */
static void test_descriptors(void)
{
    struct rlimit old, none;
    int l = listener_at(SOCK_STREAM | SOCK_NONBLOCK, abstract_address("few"), 9);
    int c = unix_socket(SOCK_STREAM);
    SHOW(connect_to(c, abstract_address("few")));
    getrlimit(RLIMIT_NOFILE, &old);
    none = old;
    none.rlim_cur = (rlim_t)c + 1;
    SHOW(setrlimit(RLIMIT_NOFILE, &none));
    SHOW(accept(l, NULL, NULL));
    SHOW(socket(AF_UNIX, SOCK_STREAM, 0));
    SHOW(setrlimit(RLIMIT_NOFILE, &old));
    int s = SHOW_ERR(accept(l, NULL, NULL));
    SHOW(accept(l, NULL, NULL));
    SHOW(accept(l, (void *)8, (void *)8));
    SHOW(connect_to(unix_socket(SOCK_STREAM), abstract_address("few")));
    SHOW(accept(l, (void *)8, (void *)8));
    SHOW(accept(l, NULL, NULL)); /* that one is lost */
    close(s);
    close(s + 1);
    close(c);
    close(l);
}

int main(void)
{
    umask(022);
    enter_directory();
    test_paths();
    test_mode();
    test_cred();
    test_descriptors();
    leave_directory();
    return 0;
}
