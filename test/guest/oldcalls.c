/* SPDX-License-Identifier: MIT */
/* Calls that few programs make: the old getdents, priorities of I/O, kcmp, the kernel's log.
 * Source: getdents(2), ioprio_set(2), kcmp(2), syslog(2). */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include "test/guest/show.h"

#define BAD ((void *)8)
#define PRIO(class, level) ((class) << 13 | (level))

static void make(const char *name)
{
    close(open(name, O_CREAT | O_WRONLY, 0644));
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

struct old_dirent {
    unsigned long ino, next;
    unsigned short len;
    char name[];
};

static void test_getdents(void)
{
    static char buf[4096], lines[8][64];
    char *sorted[8];
    int n = 0;
    mkdir("dir", 0755);
    make("dir/a");
    make("dir/longer-name");
    mkdir("dir/sub", 0755);
    symlink("a", "dir/link");
    int fd = open("dir", O_RDONLY | O_DIRECTORY);
    long got = syscall(SYS_getdents, fd, buf, sizeof(buf));
    for (long at = 0; at < got && n < 8;) {
        struct old_dirent *d = (void *)(buf + at);
        snprintf(lines[n], sizeof(lines[n]), "%s type %d length %d inode %s", d->name,
                 buf[at + d->len - 1], d->len, d->ino != 0 ? "yes" : "no");
        sorted[n] = lines[n];
        n++;
        at += d->len;
    }
    qsort(sorted, (size_t)n, sizeof(sorted[0]), compare);
    for (int i = 0; i < n; i++)
        puts(sorted[i]);
    SHOW(syscall(SYS_getdents, fd, buf, sizeof(buf)));
    lseek(fd, 0, SEEK_SET);
    SHOW(syscall(SYS_getdents, fd, buf, 8));
    SHOW(syscall(SYS_getdents, fd, BAD, sizeof(buf)));
    lseek(fd, 0, SEEK_SET);
    SHOW_ERR(syscall(SYS_getdents, fd, buf, 32));
    close(fd);
    SHOW(syscall(SYS_getdents, fd, buf, sizeof(buf)));
    fd = open("dir/a", O_RDONLY);
    SHOW(syscall(SYS_getdents, fd, buf, sizeof(buf)));
    close(fd);
}

static void test_ioprio(void)
{
    SHOW(syscall(SYS_ioprio_get, 1, 0));
    SHOW(syscall(SYS_ioprio_set, 1, 0, PRIO(2, 3)));
    SHOW(syscall(SYS_ioprio_get, 1, 0));
    SHOW(syscall(SYS_ioprio_get, 1, getpid()));
    SHOW(syscall(SYS_ioprio_get, 2, 0));
    SHOW(syscall(SYS_ioprio_set, 2, 0, PRIO(3, 0)));
    SHOW(syscall(SYS_ioprio_get, 1, 0));
    SHOW(syscall(SYS_ioprio_set, 1, 0, PRIO(1, 7)));
    SHOW(syscall(SYS_ioprio_get, 1, 0));
    SHOW(syscall(SYS_ioprio_set, 1, 0, 0));
    SHOW(syscall(SYS_ioprio_get, 1, 0));
    SHOW(syscall(SYS_ioprio_set, 1, 0, PRIO(0, 5)));
    SHOW(syscall(SYS_ioprio_set, 1, 0, PRIO(4, 0)));
    SHOW(syscall(SYS_ioprio_set, 9, 0, 0));
    SHOW(syscall(SYS_ioprio_get, 9, 0));
    SHOW(syscall(SYS_ioprio_get, 1, 99999999));
    SHOW(syscall(SYS_ioprio_set, 1, 99999999, 0));
}

static void test_kcmp(void)
{
    int p = getpid();
    int fd = open("/dev/null", O_RDONLY);
    int copy = dup(fd);
    int other = open("/dev/null", O_RDONLY);
    SHOW(syscall(SYS_kcmp, p, p, 0, fd, copy));
    TRUE(syscall(SYS_kcmp, p, p, 0, fd, other) > 0);
    TRUE(syscall(SYS_kcmp, p, p, 0, fd, other) + syscall(SYS_kcmp, p, p, 0, other, fd) == 3);
    SHOW(syscall(SYS_kcmp, p, p, 0, fd, 9999));
    for (int type = 1; type < 7; type++)
        SHOW(syscall(SYS_kcmp, p, p, type, 0, 0));
    SHOW(syscall(SYS_kcmp, p, p, 8, 0, 0));
    SHOW(syscall(SYS_kcmp, p, p, -1, 0, 0));
    SHOW(syscall(SYS_kcmp, p, 99999999, 1, 0, 0));
    close(fd);
    close(copy);
    close(other);
}

static void test_syslog(void)
{
    char buf[16];
    SHOW(syscall(SYS_syslog, 0, NULL, 0));
    SHOW(syscall(SYS_syslog, 1, NULL, 0));
    SHOW(syscall(SYS_syslog, 2, NULL, 0));
    SHOW(syscall(SYS_syslog, 2, buf, 0));
    SHOW(syscall(SYS_syslog, 2, buf, -1));
    SHOW(syscall(SYS_syslog, 3, NULL, 5));
    SHOW(syscall(SYS_syslog, 3, buf, -1));
    SHOW(syscall(SYS_syslog, 3, buf, 0));
    SHOW_ERR(syscall(SYS_syslog, 3, buf, sizeof(buf)));
    SHOW(syscall(SYS_syslog, 8, NULL, 0));
    SHOW(syscall(SYS_syslog, 8, NULL, 9));
    SHOW(syscall(SYS_syslog, 11, NULL, 0));
    SHOW(syscall(SYS_syslog, -1, NULL, 0));
    SHOW_ERR(syscall(SYS_syslog, 9, NULL, 0));
    TRUE(syscall(SYS_syslog, 10, NULL, 0) > 0);
}

int main(void)
{
    test_getdents();
    test_ioprio();
    test_kcmp();
    test_syslog();
    return 0;
}
