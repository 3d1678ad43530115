/* SPDX-License-Identifier: MIT */
/* AF_UNIX connections: listen, connect, accept, backlog, credentials, ends, readiness.
 * Source: unix(7), listen(2), accept(2), connect(2), shutdown(2), poll(2), epoll(7). */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <linux/sockios.h>

#include "test/guest/unix.h"

static int pipes;

static void on_pipe(int sig)
{
    (void)sig;
    pipes++;
}

static int nonblocking(int type)
{
    return unix_socket(type | SOCK_NONBLOCK);
}

static void show_peer(const char *what, int fd)
{
    struct sockaddr_un un;
    socklen_t len = sizeof(un);
    memset(&un, 0, sizeof(un));
    if (SHOW(getpeername(fd, (void *)&un, &len)) == 0)
        show_address(what, &un, len);
}

static void show_option(const char *what, int fd, int option)
{
    int value = -1;
    socklen_t len = sizeof(value);
    if (getsockopt(fd, SOL_SOCKET, option, &value, &len) != 0)
        printf("%s: %s\n", what, errno_name(errno));
    else
        printf("%s: %d, length %u\n", what, value, len);
}

static void show_cred(const char *what, int fd)
{
    struct ucred c = {-2, 7, 7};
    socklen_t len = sizeof(c);
    SHOW(getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &c, &len));
    printf("%s: own process %d, none %d, own user %d, nobody's %d\n", what, c.pid == getpid(),
           c.pid == 0, c.uid == geteuid() && c.gid == getegid(), c.uid == (uid_t)-1);
}

/* Up to a connection from c, which l has not accepted yet. */
static void test_asking(int l, int c)
{
    show_events("new", c);
    show_cred("new", c);
    SHOW(connect_to(c, path_address("server")));
    SHOW(bind_to(l, path_address("server")));
    show_events("bound", l);
    SHOW(connect_to(c, path_address("server")));
    SHOW(accept(l, NULL, NULL));
    SHOW(listen(l, 5));
    show_option("accepts", l, SO_ACCEPTCONN);
    show_option("does not", c, SO_ACCEPTCONN);
    show_events("listening", l);
    show_cred("listening", l);
    SHOW(accept(l, NULL, NULL));
    SHOW(connect_to(c, path_address("server")));
    show_events("asked", l);
    show_events("connected", c);
    show_cred("connected", c);
    show_peer("before accept", c);
    SHOW(write(c, "early", 5));
    SHOW(connect_to(c, path_address("server")));
    SHOW(connect_to(c, path_address("nowhere")));
    SHOW(listen(c, 1));
    SHOW(connect_to(l, path_address("server")));
}

static int test_accepting(int l)
{
    struct sockaddr_un un;
    socklen_t len = sizeof(un);
    char buf[16] = "";
    int s = accept4(l, (void *)&un, &len, SOCK_CLOEXEC);
    show_address("accepted", &un, len);
    SHOW(fcntl(s, F_GETFD));
    SHOW(fcntl(s, F_GETFL) == O_RDWR);
    show_events("accepted", s);
    show_events("taken", l);
    show_cred("accepted", s);
    show_peer("accepted", s);
    show_option("accepted", s, SO_ACCEPTCONN);
    len = sizeof(un);
    SHOW(getsockname(s, (void *)&un, &len));
    show_address("own", &un, len);
    int n = -1;
    SHOW(ioctl(s, FIONREAD, &n));
    SHOW(n);
    SHOW(ioctl(l, FIONREAD, &n));
    SHOW(read(s, buf, sizeof(buf)));
    printf("%s\n", buf);
    SHOW(sendto(s, "x", 1, 0, (void *)&un, len));
    SHOW(send(l, "x", 1, MSG_NOSIGNAL));
    SHOW(recv(l, buf, 1, 0));
    return s;
}

/* Everything about one connection. */
static void test_connection(int type)
{
    char buf[16] = "";
    int l = nonblocking(type), c = nonblocking(type);
    printf("--- type %d\n", type);
    test_asking(l, c);
    int s = test_accepting(l);
    SHOW(shutdown(c, SHUT_WR));
    show_events("half: own", c);
    show_events("half: peer", s);
    SHOW(read(s, buf, 1));
    SHOW(write(c, "x", 1));
    SHOW(write(s, "late", 4));
    SHOW(read(c, buf, sizeof(buf)));
    SHOW(shutdown(s, SHUT_RD));
    show_events("quarter", s);
    SHOW(close(s));
    show_events("peer closed", c);
    show_peer("closed", c);
    SHOW(read(c, buf, 1));
    SHOW(send(c, "x", 1, 0));
    close(l);
    SHOW(connect_to(nonblocking(type), path_address("server")));
    close(c + 1);
    close(c);
    SHOW(unlink("server"));
    SHOW(pipes);
}

static void test_backlog(int type)
{
    int c[8], n = 0;
    int l = listener_at(type | SOCK_NONBLOCK, abstract_address("backlog"), 2);
    for (int i = 0; i < 6; i++) {
        c[i] = nonblocking(type);
        n += SHOW(connect_to(c[i], abstract_address("backlog"))) == 0;
    }
    SHOW(n);
    show_events("refused", c[5]);
    SHOW(listen(l, 3)); /* more room now */
    SHOW(connect_to(c[5], abstract_address("backlog")));
    close(accept(l, NULL, NULL));
    SHOW(connect_to(c[4], abstract_address("backlog")));
    show_events("the accepted one closed", c[0]);
    SHOW(listen(l, 0));
    for (int i = 0; i < 4; i++)
        close(accept(l, NULL, NULL));
    SHOW(accept(l, NULL, NULL));
    close(c[0]);
    c[0] = nonblocking(type);
    SHOW(connect_to(c[0], abstract_address("backlog"))); /* of 0: one waits */
    close(c[1]);
    c[1] = nonblocking(type);
    SHOW(connect_to(c[1], abstract_address("backlog")));
    close(l); /* with one that was never accepted */
    show_events("never accepted", c[0]);
    show_option("error", c[0], SO_ERROR);
    show_option("error", c[0], SO_ERROR);
    SHOW(connect_to(c[1], abstract_address("backlog")));
    for (int i = 0; i < 6; i++)
        close(c[i]);
}

static void test_reset(void)
{
    char buf[8];
    int l = listener_at(SOCK_STREAM, abstract_address("reset"), 2);
    int c = nonblocking(SOCK_STREAM);
    SHOW(connect_to(c, abstract_address("reset")));
    int s = accept(l, NULL, NULL);
    SHOW(write(c, "unread", 6));
    SHOW(write(s, "read", 4));
    close(s);
    show_events("reset", c);
    SHOW(write(c, "x", 1));
    SHOW(write(c, "x", 1));
    SHOW(read(c, buf, sizeof(buf)));
    SHOW(read(c, buf, sizeof(buf)));
    close(c);
    c = nonblocking(SOCK_STREAM);
    SHOW(connect_to(c, abstract_address("reset")));
    SHOW(write(c, "gone", 4));
    close(c); /* before it is accepted: nothing is lost */
    s = accept(l, NULL, NULL);
    show_events("client gone", s);
    SHOW(read(s, buf, sizeof(buf)));
    SHOW(read(s, buf, sizeof(buf)));
    close(s);
    close(l);
}

/* Shut, a listener refuses; what waited can still be accepted. */
static void test_shut_listener(void)
{
    int l = listener_at(SOCK_STREAM | SOCK_NONBLOCK, abstract_address("shut"), 2);
    int c = nonblocking(SOCK_STREAM), d = nonblocking(SOCK_STREAM);
    SHOW(connect_to(c, abstract_address("shut")));
    SHOW(shutdown(l, SHUT_RD));
    show_events("shut", l);
    SHOW(connect_to(d, abstract_address("shut")));
    int s = SHOW_ERR(accept(l, NULL, NULL));
    close(s);
    SHOW(accept(l, NULL, NULL));
    fcntl(l, F_SETFL, 0);
    SHOW(accept(l, NULL, NULL));
    close(l);
    close(c);
    close(d);
    int u = nonblocking(SOCK_STREAM);
    SHOW(shutdown(u, SHUT_RDWR)); /* not connected */
    SHOW(shutdown(u, 3));
    show_events("shut", u);
    char byte;
    SHOW(read(u, &byte, 1));
    SHOW(write(u, "x", 1));
    SHOW(connect_to(u, path_address("")));
    close(u);
}

static void test_permissions(void)
{
    int l = listener_at(SOCK_STREAM, path_address("door"), 2), c = unix_socket(SOCK_DGRAM);
    struct stat st;
    SHOW(connect_to(c, path_address("door"))); /* of another type */
    close(c);
    c = unix_socket(SOCK_SEQPACKET);
    SHOW(connect_to(c, path_address("door")));
    close(c);
    c = unix_socket(SOCK_STREAM);
    SHOW(symlink("door", "window"));
    SHOW(link("door", "hatch"));
    SHOW(mkdir("room", 0700));
    SHOW(connect_to(c, path_address("room")));
    SHOW(connect_to(c, path_address("door/in")));
    SHOW(rename("door", "gate"));
    SHOW(connect_to(c, path_address("door")));
    SHOW(connect_to(c, path_address("window")));
    SHOW(connect_to(c, path_address("hatch")));
    close(c);
    c = unix_socket(SOCK_STREAM);
    SHOW(connect_to(c, path_address("gate")));
    SHOW(fstat(l, &st));
    printf("mode %o\n", st.st_mode);
    close(c);
    close(l);
    c = unix_socket(SOCK_STREAM);
    SHOW(connect_to(c, path_address("gate")));
    close(c);
    SHOW(open("plain", O_CREAT | O_WRONLY, 0600) >= 0);
    c = unix_socket(SOCK_STREAM);
    SHOW(connect_to(c, path_address("plain")));
    close(c);
    SHOW(chmod("room", 0700));
    SHOW(unlink("plain") + unlink("gate") + unlink("hatch") + unlink("window") + rmdir("room"));
}

static void test_edges(void)
{
    struct epoll_event ev = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET};
    int l = listener_at(SOCK_STREAM | SOCK_NONBLOCK, abstract_address("edges"), 5);
    int ep = epoll_create1(0), c = nonblocking(SOCK_STREAM), d = nonblocking(SOCK_STREAM);
    char buf[8];
    epoll_ctl(ep, EPOLL_CTL_ADD, l, &ev);
    epoll_ctl(ep, EPOLL_CTL_ADD, c, &ev);
    SHOW(epoll_wait(ep, &ev, 1, 0));
    SHOW(ev.events);
    SHOW(epoll_wait(ep, &ev, 1, 0));
    SHOW(connect_to(c, abstract_address("edges")));
    SHOW(epoll_wait(ep, &ev, 1, 0));
    SHOW(ev.events);
    SHOW(epoll_wait(ep, &ev, 1, 0));
    SHOW(connect_to(d, abstract_address("edges"))); /* another edge, although one waits */
    SHOW(epoll_wait(ep, &ev, 1, 0));
    SHOW(epoll_wait(ep, &ev, 1, 0));
    int s = accept(l, NULL, NULL);
    SHOW(epoll_wait(ep, &ev, 1, 0));
    SHOW(write(s, "1", 1));
    SHOW(epoll_wait(ep, &ev, 1, 0));
    SHOW(ev.events);
    SHOW(write(s, "2", 1));
    SHOW(epoll_wait(ep, &ev, 1, 0));
    SHOW(read(c, buf, 1));
    SHOW(epoll_wait(ep, &ev, 1, 0));
    SHOW(write(c, "3", 1));
    SHOW(read(s, buf, 1)); /* makes room for c */
    SHOW(epoll_wait(ep, &ev, 1, 0));
    SHOW(ev.events);
    SHOW(shutdown(s, SHUT_WR));
    SHOW(epoll_wait(ep, &ev, 1, 0));
    SHOW(ev.events);
    SHOW(close(s));
    SHOW(epoll_wait(ep, &ev, 1, 0));
    SHOW(ev.events);
    SHOW(epoll_wait(ep, &ev, 1, 0));
    close(ep);
    close(l);
    close(c);
    close(d);
}

static void test_lengths(void)
{
    struct timeval soon = {0, 20000};
    int low = 4;
    char buf[32] = "";
    int l = listener_at(SOCK_STREAM, abstract_address("lengths"), 5), c = unix_socket(SOCK_STREAM);
    SHOW(connect_to(c, abstract_address("lengths")));
    int s = accept(l, NULL, NULL), n = -1;
    SHOW(setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof(soon)));
    SHOW(setsockopt(s, SOL_SOCKET, SO_RCVLOWAT, &low, sizeof(low)));
    SHOW(read(s, buf, 8));
    SHOW(recv(s, buf, 0, MSG_DONTWAIT));
    SHOW(send(c, buf, 0, 0));
    SHOW(recv(s, buf, 1, MSG_DONTWAIT));
    SHOW(write(c, "ab", 2));
    SHOW(recv(s, buf, 0, MSG_DONTWAIT));
    SHOW(recv(s, buf, 8, MSG_PEEK));
    SHOW(read(s, buf, 8)); /* less than low water, after a while */
    SHOW(write(c, "cd", 2));
    SHOW(write(c, "efgh", 4));
    SHOW(ioctl(s, FIONREAD, &n));
    SHOW(n);
    SHOW(ioctl(c, SIOCOUTQ, &n));
    TRUE(n >= 6);
    SHOW(recv(s, buf, 3, MSG_WAITALL));
    SHOW(recv(s, buf, 32, MSG_WAITALL));
    SHOW(recv(s, buf, 32, MSG_ERRQUEUE | MSG_DONTWAIT));
    SHOW(ioctl(c, SIOCOUTQ, &n));
    SHOW(n);
    SHOW(setsockopt(l, SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof(soon)));
    SHOW(accept(l, NULL, NULL));
    close(s);
    close(c);
    close(l);
}

int main(void)
{
    struct sigaction act = {.sa_handler = on_pipe};
    sigaction(SIGPIPE, &act, NULL);
    enter_directory();
    test_connection(SOCK_STREAM);
    test_connection(SOCK_SEQPACKET);
    test_backlog(SOCK_STREAM);
    test_backlog(SOCK_SEQPACKET);
    test_reset();
    test_shut_listener();
    test_permissions();
    test_edges();
    test_lengths();
    leave_directory();
    return 0;
}
