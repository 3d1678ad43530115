/* SPDX-License-Identifier: MIT */
/* inotify: what is reported of files and directories, in which order, and to whom.
 * Source: inotify(7), inotify_add_watch(2). */
// cflags: -pthread
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "test/guest/show.h"

#define BAD ((void *)8)

static const char *const names[] = {
    "ACCESS",     "MODIFY",   "ATTRIB",     "CLOSE_WRITE", "CLOSE_NOWRITE", "OPEN",
    "MOVED_FROM", "MOVED_TO", "CREATE",     "DELETE",      "DELETE_SELF",   "MOVE_SELF",
    "?",          "UNMOUNT",  "Q_OVERFLOW", "IGNORED",
};
static int fd;
static char buf[65536];

/* Print all that is there; cookies as whether they are set and equal to the one before. */
static void drain(const char *what)
{
    static unsigned last_cookie;
    struct pollfd p = {fd, POLLIN, 0};
    printf("%s\n", what);
    while (poll(&p, 1, 0) == 1) {
        long n = read(fd, buf, sizeof buf);
        for (long at = 0; at < n;) {
            struct inotify_event e;
            memcpy(&e, buf + at, sizeof e);
            printf("  wd %d", e.wd);
            for (unsigned i = 0; i < 16; i++)
                if (e.mask >> i & 1)
                    printf(" %s", names[i]);
            printf("%s", e.mask & IN_ISDIR ? " dir" : "");
            if (e.cookie)
                printf(" %s", e.cookie == last_cookie ? "same cookie" : "new cookie");
            last_cookie = e.cookie ? e.cookie : last_cookie;
            if (e.len)
                printf(" %s (%u)", buf + at + sizeof e, e.len);
            printf("\n");
            at += (long)(sizeof e + e.len);
        }
    }
}

static void put(const char *name, int flags, const char *text)
{
    int f = open(name, flags, 0644);
    if (*text)
        (void)!write(f, text, strlen(text));
    close(f);
}

static void test_errors(void)
{
    int n = -1;
    SHOW(inotify_init1(1));
    fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    SHOW(fcntl(fd, F_GETFD));
    SHOW(fcntl(fd, F_GETFL));
    SHOW(inotify_add_watch(fd, ".", 0));
    SHOW(inotify_add_watch(fd, "missing", IN_CREATE));
    SHOW(inotify_add_watch(fd, BAD, IN_CREATE));
    SHOW(inotify_add_watch(-1, ".", IN_CREATE));
    SHOW(inotify_add_watch(0, ".", IN_CREATE));
    SHOW(inotify_add_watch(fd, "/proc/self/exe", IN_OPEN | IN_ONLYDIR));
    SHOW(inotify_add_watch(fd, ".", IN_OPEN | IN_MASK_ADD | IN_MASK_CREATE));
    SHOW(inotify_rm_watch(fd, 7));
    SHOW(inotify_rm_watch(0, 7));
    SHOW(read(fd, buf, 100));
    SHOW(write(fd, buf, 100));
    SHOW(ioctl(fd, FIONREAD, &n));
    SHOW(n);
    SHOW(inotify_add_watch(fd, ".", IN_CREATE));
    SHOW(inotify_add_watch(fd, ".", IN_DELETE | IN_MASK_ADD));
    SHOW(inotify_add_watch(fd, ".", IN_DELETE | IN_MASK_CREATE));
    SHOW(mkdir("d", 0755));
    SHOW(rmdir("d"));
    SHOW(ioctl(fd, FIONREAD, &n));
    SHOW(n);
    SHOW(read(fd, buf, 20));
    SHOW(read(fd, buf, 33));
    drain("the rest");
    SHOW(inotify_rm_watch(fd, 1));
    SHOW(inotify_rm_watch(fd, 1));
    drain("removed");
    close(fd);
}

static void test_directory(void)
{
    struct stat st;
    fd = inotify_init();
    SHOW(mkdir("top", 0755));
    SHOW(inotify_add_watch(fd, "top", IN_ALL_EVENTS));
    put("top/file", O_CREAT | O_WRONLY, "hello");
    drain("create");
    put("top/file", O_RDONLY, "");
    drain("open");
    put("top/file", O_WRONLY | O_TRUNC, "");
    drain("truncate");
    int f = open("top/file", O_RDWR);
    (void)!write(f, "abc", 3);
    (void)!write(f, "def", 3);
    (void)!pread(f, buf, 3, 0);
    (void)!ftruncate(f, 2);
    fchmod(f, 0600);
    close(f);
    drain("by descriptor");
    chmod("top/file", 0640);
    (void)!truncate("top/file", 1);
    utimensat(AT_FDCWD, "top/file", NULL, 0);
    stat("top/file", &st);
    drain("by name");
    link("top/file", "top/second");
    symlink("file", "top/symbolic");
    mkfifo("top/fifo", 0600);
    mkdir("top/inner", 0700);
    drain("others");
    rename("top/file", "top/renamed");
    rename("top/inner", "top/dir");
    drain("rename");
    rename("top/renamed", "away");
    rename("away", "top/back");
    drain("away and back");
    rename("top/back", "top/symbolic");
    drain("rename over");
    unlink("top/second");
    unlink("top/symbolic");
    unlink("top/fifo");
    rmdir("top/dir");
    drain("remove");
    chmod("top", 0700);
    f = open("top", O_RDONLY | O_DIRECTORY);
    close(f);
    drain("itself");
    rename("top", "moved");
    rmdir("moved");
    drain("gone");
    close(fd);
}

static void test_file(void)
{
    fd = inotify_init();
    put("file", O_CREAT | O_WRONLY, "1");
    SHOW(inotify_add_watch(fd, "file", IN_ALL_EVENTS));
    SHOW(inotify_add_watch(fd, "./file", IN_ALL_EVENTS));
    put("file", O_WRONLY | O_APPEND, "2");
    drain("written");
    link("file", "other");
    SHOW(inotify_add_watch(fd, "other", IN_ALL_EVENTS));
    drain("linked");
    put("other", O_RDONLY, "");
    drain("by another name");
    rename("file", "third");
    drain("renamed");
    unlink("other");
    drain("one name less");
    int f = open("third", O_RDONLY);
    unlink("third");
    drain("last name");
    close(f);
    drain("last opening");
    put("file", O_CREAT | O_WRONLY, "1");
    SHOW(inotify_add_watch(fd, "file", IN_OPEN | IN_ONESHOT));
    put("file", O_RDONLY, "");
    put("file", O_RDONLY, "");
    drain("once");
    SHOW(inotify_add_watch(fd, "file", IN_DELETE_SELF));
    unlink("file");
    drain("deleted");
    close(fd);
}

static void test_overflow(void)
{
    char name[] = "many/0";
    fd = inotify_init();
    mkdir("many", 0755);
    inotify_add_watch(fd, "many", IN_CREATE | IN_DELETE);
    for (int i = 0; i < 20000; i++) {
        name[5] = (char)('a' + i % 20);
        if (i % 40 < 20)
            mkdir(name, 0700);
        else
            rmdir(name);
    }
    int n = 0, overflows = 0;
    struct pollfd p = {fd, POLLIN, 0};
    while (poll(&p, 1, 0) == 1) {
        long len = read(fd, buf, sizeof buf);
        for (long at = 0; at < len; n++) {
            struct inotify_event e;
            memcpy(&e, buf + at, sizeof e);
            overflows += e.wd == -1 && e.mask == IN_Q_OVERFLOW;
            at += (long)(sizeof e + e.len);
        }
    }
    SHOW(overflows);
    TRUE(n > 1000 && n < 20000);
    rmdir("many");
    close(fd);
}

static void *make(void *arg)
{
    struct timespec t = {0, 20000000};
    nanosleep(&t, NULL);
    mkdir(arg, 0700);
    return NULL;
}

static void test_threads(void)
{
    pthread_t t;
    struct epoll_event ev = {.events = EPOLLIN};
    fd = inotify_init();
    inotify_add_watch(fd, ".", IN_CREATE);
    pthread_create(&t, NULL, make, "one");
    SHOW(read(fd, buf, sizeof buf));
    pthread_join(t, NULL);
    int ep = epoll_create1(0);
    epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev);
    pthread_create(&t, NULL, make, "two");
    SHOW(epoll_wait(ep, &ev, 1, 5000));
    pthread_join(t, NULL);
    drain("two");
    rmdir("one"), rmdir("two");
    close(ep);
    close(fd);
}

int main(void)
{
    test_errors();
    test_directory();
    test_file();
    test_overflow();
    test_threads();
    return 0;
}
