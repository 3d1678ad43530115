/* SPDX-License-Identifier: MIT */
/* AF_UNIX datagrams between sockets with names: addresses, connections, full queues, ends.
 * Source: unix(7), send(2), recv(2), connect(2), poll(2). */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/time.h>

#include "test/guest/unix.h"

static int named(const char *name)
{
    int fd = unix_socket(SOCK_DGRAM | SOCK_NONBLOCK);
    if (bind_to(fd, abstract_address(name)) != 0)
        printf("not bound: %s\n", errno_name(errno));
    return fd;
}

static void show_error(int fd)
{
    int value = -1;
    socklen_t len = sizeof(value);
    getsockopt(fd, SOL_SOCKET, SO_ERROR, &value, &len);
    printf("error %s\n", value == 0 ? "none" : errno_name(value));
}

/* Receive one, with flags, and say from whom; names have equal lengths but for their ends. */
static void receive(const char *what, int fd, int flags)
{
    char buf[32] = "";
    struct sockaddr_un un;
    socklen_t len = sizeof(un);
    memset(&un, 0, sizeof(un));
    errno = 0;
    long n = recvfrom(fd, buf, 4, flags, (void *)&un, &len);
    if (n < 0) {
        printf("%s: %s\n", what, errno_name(errno));
        return;
    }
    const char *from = len > PATH_AT + 1 ? strrchr(un.sun_path + 1, '-') : NULL;
    printf("%s: %ld %s from %s\n", what, n, buf, from != NULL ? from + 1 : len ? "?" : "nobody");
}

static void test_addresses(void)
{
    int a = named("a"), b = named("b"), u = unix_socket(SOCK_DGRAM | SOCK_NONBLOCK);
    struct sockaddr_un un;
    socklen_t len = sizeof(un);
    char byte;
    show_events("new", u);
    SHOW(send(u, "x", 1, 0));
    SHOW(write(u, "x", 1));
    SHOW(recv(u, &byte, 1, 0));
    SHOW(send_to(u, "hello", abstract_address("a")));
    SHOW(send_to(b, "hi", abstract_address("a")));
    SHOW(send_to(b, "", abstract_address("a")));
    SHOW(send_to(b, "self", abstract_address("b")));
    SHOW(send_to(b, "x", abstract_address("c")));
    SHOW(send_to(b, "x", path_address("none")));
    SHOW(sendto(b, "x", 1, 0, NULL, 50));
    SHOW(sendto(b, "x", 1, 0, (void *)&un, 1));
    SHOW(sendto(b, "x", 1, 0, (void *)&un, 300));
    SHOW(sendto(b, "x", 1, 0, (void *)8, 20));
    SHOW(sendto(b, "x", 1, MSG_OOB, (void *)&un, 20));
    receive("peek", a, MSG_PEEK);
    receive("cut", a, 0);
    receive("length", a, MSG_TRUNC);
    receive("empty", a, 0);
    receive("none", a, 0);
    receive("none", a, MSG_OOB);
    receive("self", b, 0);
    SHOW(send_to(b, "12345678", abstract_address("a")));
    receive("real length", a, MSG_TRUNC);
    SHOW(listen(a, 1));
    SHOW(accept(a, NULL, NULL));
    SHOW(getpeername(a, (void *)&un, &len));
    close(a);
    SHOW(send_to(b, "x", abstract_address("a")));
    close(b);
    close(u);
}

static void test_connect(void)
{
    int a = named("a"), b = named("b"), c = named("c");
    struct address none = {.un.sun_family = AF_UNSPEC, .len = sizeof(sa_family_t)};
    SHOW(connect_to(a, abstract_address("x")));
    SHOW(connect_to(a, abstract_address("b")));
    SHOW(send(a, "ab", 2, 0));
    SHOW(send_to(a, "ac", abstract_address("c"))); /* elsewhere, still */
    receive("connected", b, 0);
    receive("not connected", c, 0);
    SHOW(connect_to(c, abstract_address("a"))); /* a has another peer */
    SHOW(send_to(c, "ca", abstract_address("a")));
    SHOW(send_to(b, "ba", abstract_address("a")));
    receive("from its peer", a, 0);
    SHOW(connect_to(b, abstract_address("a"))); /* each other's */
    SHOW(write(b, "ba", 2));
    SHOW(connect_to(a, none)); /* what came is lost, and b is told */
    show_error(b);
    receive("disconnected", a, 0);
    SHOW(write(a, "x", 1));
    SHOW(write(b, "ba", 2));
    receive("still", a, 0);
    SHOW(connect_to(b, abstract_address("c")));
    SHOW(write(b, "bc", 2));
    receive("reconnected", c, 0);
    close(c);
    show_events("peer closed", b);
    SHOW(write(b, "x", 1));
    SHOW(write(b, "x", 1));
    SHOW(connect_to(b, abstract_address("b"))); /* itself */
    SHOW(write(b, "bb", 2));
    receive("itself", b, 0);
    close(a);
    close(b);
}

static int fill(int fd)
{
    int n = 0;
    while (send(fd, "x", 1, MSG_DONTWAIT) == 1)
        n++;
    TRUE(errno == EAGAIN);
    return n;
}

static void test_full(void)
{
    struct epoll_event ev = {.events = EPOLLOUT | EPOLLET};
    struct timeval soon = {0, 20000};
    int s = named("s"), c = named("c"), d = named("d"), ep = epoll_create1(0);
    SHOW(connect_to(c, abstract_address("s")));
    SHOW(connect_to(d, abstract_address("s")));
    SHOW(fill(c));
    show_events("full", c);
    show_events("full", d);
    SHOW(fill(d));
    SHOW(send_to(named("e"), "x", abstract_address("s")));
    epoll_ctl(ep, EPOLL_CTL_ADD, c, &ev);
    SHOW(epoll_wait(ep, &ev, 1, 0));
    receive("one", s, 0);
    SHOW(epoll_wait(ep, &ev, 1, 0));
    show_events("room", d);
    SHOW(fill(d));
    show_events("full", c);
    fcntl(c, F_SETFL, 0);
    SHOW(setsockopt(c, SOL_SOCKET, SO_SNDTIMEO, &soon, sizeof(soon)));
    SHOW(write(c, "x", 1));
    SHOW(connect_to(s, abstract_address("c"))); /* each other's: no limit by number */
    show_events("each other's", c);
    SHOW(write(c, "x", 1));
    SHOW(write(d, "x", 1)); /* not its peer */
    show_events("not its peer", d);
    close(s);
    show_events("closed", c);
    show_events("closed", d);
    SHOW(write(d, "x", 1));
    SHOW(write(d, "x", 1));
    close(ep);
    close(c);
    close(d);
    close(d + 2);
}

static void test_buffer(void)
{
    static char big[300000];
    int size = 8192, n = 0;
    socklen_t len = sizeof(size);
    int s = named("s"), c = named("c");
    SHOW(connect_to(c, abstract_address("s")));
    SHOW(connect_to(s, abstract_address("c")));
    SHOW(setsockopt(c, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)));
    SHOW(getsockopt(c, SOL_SOCKET, SO_SNDBUF, &size, &len));
    SHOW(size);
    SHOW(send(c, big, 16384 - 32, 0));
    SHOW(send(c, big, 16384 - 31, 0));
    show_events("much sent", c);
    while (send(c, big, 4000, 0) > 0)
        n++;
    TRUE(n < 5);
    while (recv(s, big, sizeof(big), 0) > 0)
        ;
    show_events("read", c);
    SHOW(send(s, big, sizeof(big), 0));
    close(s);
    close(c);
}

static void test_shutdown(void)
{
    int s = named("s"), c = named("c");
    SHOW(connect_to(c, abstract_address("s")));
    SHOW(write(c, "1", 1));
    SHOW(shutdown(s, SHUT_RD));
    show_events("no more in", s);
    show_events("its sender", c);
    SHOW(send(c, "2", 1, 0));
    receive("what was there", s, 0);
    receive("would wait", s, 0);
    fcntl(s, F_SETFL, 0);
    receive("end", s, 0);
    SHOW(shutdown(c, SHUT_WR));
    show_events("no more out", c);
    SHOW(send(c, "3", 1, 0));
    SHOW(send_to(c, "3", abstract_address("c")));
    SHOW(shutdown(c, SHUT_RD));
    show_events("nothing", c);
    close(s);
    close(c);
}

static void test_time(void)
{
    union {
        char space[256];
        struct cmsghdr align;
    } control;
    char byte;
    struct iovec v = {&byte, 1};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = &control};
    int on = 1, off = 0;
    int s = named("s"), c = named("c");
    struct timeval before, now, after;
    SHOW(connect_to(c, abstract_address("s")));
    SHOW(setsockopt(s, SOL_SOCKET, SO_TIMESTAMP, &on, sizeof(on)));
    gettimeofday(&before, NULL);
    SHOW(write(c, "x", 1));
    m.msg_controllen = sizeof(control);
    SHOW(recvmsg(s, &m, 0));
    gettimeofday(&after, NULL);
    struct cmsghdr *h = CMSG_FIRSTHDR(&m);
    SHOW(h != NULL && h->cmsg_level == SOL_SOCKET && h->cmsg_type == SO_TIMESTAMP);
    if (h != NULL) {
        memcpy(&now, CMSG_DATA(h), sizeof(now));
        TRUE(!timercmp(&now, &before, <) && !timercmp(&now, &after, >));
    }
    SHOW(setsockopt(s, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on)));
    SHOW(setsockopt(s, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)));
    SHOW(write(c, "x", 1));
    m.msg_controllen = sizeof(control);
    SHOW(recvmsg(s, &m, 0));
    for (h = CMSG_FIRSTHDR(&m); h != NULL; h = CMSG_NXTHDR(&m, h))
        printf("level %d, type %d, length %d\n", h->cmsg_level, h->cmsg_type, (int)h->cmsg_len);
    SHOW(setsockopt(s, SOL_SOCKET, SO_TIMESTAMPNS, &off, sizeof(off)));
    SHOW(write(c, "x", 1));
    m.msg_controllen = 20; /* cut */
    SHOW(recvmsg(s, &m, 0));
    printf("flags %x, length %d\n", m.msg_flags, (int)m.msg_controllen);
    close(s);
    close(c);
}

int main(void)
{
    enter_directory();
    test_addresses();
    test_connect();
    test_full();
    test_buffer();
    test_shutdown();
    test_time();
    leave_directory();
    return 0;
}
