/* SPDX-License-Identifier: MIT */
/* Messages with several buffers, with descriptors and credentials, and many at once.
 * Source: sendmsg(2), recvmsg(2), sendmmsg(2), unix(7), cmsg(3). */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "test/guest/show.h"

#define BAD ((void *)8)
#define SPACE 1024

static int a, b;
static char buf[100];
static union {
    char space[SPACE];
    struct cmsghdr align;
} control;

static void pair(int type)
{
    int fd[2];
    if (socketpair(AF_UNIX, type, 0, fd) != 0)
        printf("no pair\n");
    a = fd[0];
    b = fd[1];
}

static void close_pair(void)
{
    close(a);
    close(b);
}

static long send_fds(const char *text, const int *fds, unsigned n)
{
    struct iovec v = {(void *)(size_t)text, strlen(text)};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};
    m.msg_control = &control;
    m.msg_controllen = CMSG_SPACE(n * sizeof(int));
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(n * sizeof(int));
    memcpy(CMSG_DATA(c), fds, n * sizeof(int));
    return sendmsg(a, &m, 0);
}

/* Receive with so much room for control messages; close what comes, after a word about it. */
static long receive(size_t len, size_t room, int flags)
{
    struct iovec v = {buf, len};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = &control};
    memset(&control, 0, sizeof control);
    m.msg_controllen = room;
    long n = recvmsg(b, &m, flags);
    if (n < 0)
        return n;
    printf("  got %ld, flags %x, control %zu:", n, (unsigned)m.msg_flags, (size_t)m.msg_controllen);
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c != NULL; c = CMSG_NXTHDR(&m, c)) {
        printf(" type %d, %zu bytes;", c->cmsg_type, (size_t)c->cmsg_len);
        if (c->cmsg_type == SCM_CREDENTIALS && c->cmsg_len >= CMSG_LEN(sizeof(struct ucred))) {
            struct ucred cred;
            memcpy(&cred, CMSG_DATA(c), sizeof cred);
            printf(" mine: %d;", cred.pid == getpid() && cred.uid == getuid());
        }
        for (size_t i = 0; c->cmsg_type == SCM_RIGHTS && CMSG_LEN((i + 1) * 4) <= c->cmsg_len;
             i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(c) + 4 * i, sizeof fd);
            printf(" cloexec %d, write %ld;", fcntl(fd, F_GETFD), (long)write(fd, "!", 1));
            close(fd);
        }
    }
    printf("\n");
    return n;
}

static void test_rights(int type)
{
    int fd[2], bad[2];
    char c[10];
    printf("type %d\n", type);
    pair(type);
    pipe(fd);
    int both[2] = {fd[1], fd[1]};
    SHOW(send_fds("one", fd + 1, 1));
    SHOW(receive(100, SPACE, 0));
    SHOW(read(fd[0], c, 10));
    SHOW(send_fds("two", both, 2));
    SHOW(receive(100, SPACE, MSG_CMSG_CLOEXEC));
    SHOW(send_fds("cut", both, 2));
    SHOW(receive(100, CMSG_LEN(sizeof(int)), 0));
    SHOW(send_fds("none", both, 2));
    SHOW(receive(100, 0, 0));
    SHOW(send_fds("peek", both, 1));
    SHOW(receive(100, SPACE, MSG_PEEK));
    SHOW(receive(2, SPACE, 0));
    SHOW(receive(100, SPACE, MSG_DONTWAIT));
    bad[0] = fd[1];
    bad[1] = -1;
    SHOW(send_fds("bad", bad, 2));
    SHOW(send_fds("read", both, 1));
    SHOW(send_fds("twice", both, 1));
    SHOW(read(b, c, 10)); /* the files are dropped */
    SHOW(read(b, c, 10));
    SHOW(fcntl(fd[0], F_SETFL, O_NONBLOCK));
    read(fd[0], c, 10);
    /* the only writer is on its way */
    SHOW(send_fds("last", fd + 1, 1));
    close(fd[1]);
    SHOW(read(fd[0], c, 10));
    close_pair();
    SHOW(read(fd[0], c, 10));
    close(fd[0]);
}

static struct cmsghdr *put_rights(struct cmsghdr *c, size_t len, const int *fds)
{
    *c = (struct cmsghdr){.cmsg_len = CMSG_LEN(len), .cmsg_level = SOL_SOCKET};
    c->cmsg_type = SCM_RIGHTS;
    memcpy(CMSG_DATA(c), fds, len);
    return (struct cmsghdr *)((char *)c + CMSG_SPACE(len));
}

/* Control messages whose descriptors are cut off, none at all, or in two parts. */
static void test_parts(int type, size_t len)
{
    int fds[2] = {open("/dev/null", O_WRONLY), -1};
    struct iovec v = {(void *)(size_t) "x", 1};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = &control};
    pair(type);
    memset(&control, 0, sizeof control);
    struct cmsghdr *c = put_rights((struct cmsghdr *)&control, len, fds);
    m.msg_controllen = CMSG_SPACE(len);
    SHOW(sendmsg(a, &m, 0));
    receive(10, SPACE, MSG_DONTWAIT);
    memset(&control, 0, sizeof control);
    put_rights((struct cmsghdr *)&control, len, fds);
    put_rights(c, sizeof(int), fds);
    m.msg_controllen = CMSG_SPACE(len) + CMSG_SPACE(sizeof(int));
    SHOW(sendmsg(a, &m, 0));
    receive(10, SPACE, MSG_DONTWAIT);
    put_rights((struct cmsghdr *)&control, 0, fds);
    c = put_rights((struct cmsghdr *)&control, len, fds);
    put_rights(c, sizeof(int), fds);
    c->cmsg_type = 99;
    SHOW(sendmsg(a, &m, 0));
    c->cmsg_level = SOL_SOCKET + 1;
    SHOW(sendmsg(a, &m, 0)); /* not for us */
    c->cmsg_len = 15;
    SHOW(sendmsg(a, &m, 0));
    c->cmsg_len = 1000;
    SHOW(sendmsg(a, &m, 0));
    receive(10, SPACE, MSG_DONTWAIT);
    close(fds[0]);
    close_pair();
}

static void test_credentials(void)
{
    int on = 1;
    struct ucred cred = {getpid(), getuid(), getgid()};
    struct iovec v = {"x", 1};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = &control};
    pair(SOCK_DGRAM);
    SHOW(setsockopt(b, SOL_SOCKET, SO_PASSCRED, &on, sizeof on));
    SHOW(write(a, "plain", 5));
    SHOW(receive(100, SPACE, 0));
    m.msg_controllen = CMSG_SPACE(sizeof cred);
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_CREDENTIALS;
    c->cmsg_len = CMSG_LEN(sizeof cred);
    memcpy(CMSG_DATA(c), &cred, sizeof cred);
    SHOW(sendmsg(a, &m, 0));
    SHOW(receive(100, SPACE, 0));
    SHOW(write(a, "short", 5));
    SHOW(receive(100, CMSG_LEN(4), 0));
    SHOW(write(a, "none", 4));
    SHOW(receive(100, 0, 0));
    memset(&control, 0, sizeof control);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = 77;
    c->cmsg_len = CMSG_LEN(4);
    m.msg_controllen = CMSG_SPACE(4);
    SHOW(sendmsg(a, &m, 0));
    c->cmsg_len = 3;
    SHOW(sendmsg(a, &m, 0));
    m.msg_control = BAD;
    SHOW(syscall(SYS_sendmsg, a, &m, 0));
    close_pair();
}

static void test_vectors(void)
{
    char one[3], two[4];
    struct iovec out[2] = {{"abcd", 4}, {"efg", 3}}, in[2] = {{one, 3}, {two, 4}};
    struct msghdr m = {.msg_iov = out, .msg_iovlen = 2};
    pair(SOCK_SEQPACKET);
    SHOW(sendmsg(a, &m, 0));
    m.msg_iov = in;
    SHOW(recvmsg(b, &m, 0));
    printf("%.3s %.4s %x\n", one, two, (unsigned)m.msg_flags);
    SHOW(sendmsg(a, &(struct msghdr){.msg_iov = out, .msg_iovlen = 2}, 0));
    m.msg_iovlen = 1;
    SHOW(recvmsg(b, &m, 0));
    SHOW(m.msg_flags);
    SHOW(syscall(SYS_sendmsg, a, BAD, 0));
    SHOW(syscall(SYS_recvmsg, b, BAD, 0));
    m.msg_iovlen = 2000;
    SHOW(syscall(SYS_sendmsg, a, &m, 0));
    m.msg_iovlen = 1;
    m.msg_iov = BAD;
    SHOW(syscall(SYS_sendmsg, a, &m, 0));
    SHOW(sendmsg(0, &m, 0));
    SHOW(sendmsg(a, &(struct msghdr){.msg_iovlen = 0}, 0));
    SHOW(recv(b, buf, 9, 0));
    close_pair();
}

static void test_many(void)
{
    struct iovec out[3] = {{"a", 1}, {"bb", 2}, {"ccc", 3}}, in[5];
    struct mmsghdr v[5];
    struct timespec soon = {0, 20000000}, wrong = {0, -1};
    pair(SOCK_DGRAM);
    memset(v, 0, sizeof v);
    for (int i = 0; i < 3; i++)
        v[i].msg_hdr = (struct msghdr){.msg_iov = &out[i], .msg_iovlen = 1};
    SHOW(sendmmsg(a, v, 3, 0));
    printf("%u %u %u\n", v[0].msg_len, v[1].msg_len, v[2].msg_len);
    memset(v, 0, sizeof v);
    for (int i = 0; i < 5; i++) {
        in[i] = (struct iovec){buf + 10 * i, 2};
        v[i].msg_hdr = (struct msghdr){.msg_iov = &in[i], .msg_iovlen = 1};
    }
    SHOW(recvmmsg(b, v, 5, MSG_WAITFORONE, NULL));
    printf("%u %u %u, flags %x\n", v[0].msg_len, v[1].msg_len, v[2].msg_len,
           (unsigned)v[2].msg_hdr.msg_flags);
    SHOW(recvmmsg(b, v, 5, MSG_DONTWAIT, NULL));
    SHOW(syscall(SYS_recvmmsg, b, v, 5, 0, &wrong));
    SHOW(send(a, "x", 1, 0));
    nanosleep(&soon, NULL);
    SHOW(recvmmsg(b, v, 1, 0, &soon));
    SHOW(syscall(SYS_sendmmsg, a, BAD, 1, 0));
    SHOW(sendmmsg(a, v, 0, 0));
    close_pair();
}

int main(void)
{
    test_rights(SOCK_STREAM);
    test_rights(SOCK_SEQPACKET);
    for (size_t len = 0; len < 8; len += 3) {
        test_parts(SOCK_STREAM, len);
        test_parts(SOCK_DGRAM, len);
    }
    test_credentials();
    test_vectors();
    test_many();
    return 0;
}
