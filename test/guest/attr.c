/* SPDX-License-Identifier: MIT */
/* Attributes of open files that are in no file system, and the newest form of chmod.
 * Source: fchmod(2), fchown(2), futimens(3), inode(7), pipe(7). */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/stat.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "test/guest/show.h"

#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif
#define WRONG_FLAG 0x40000000

static void test_pipe(void)
{
    int p[2];
    struct stat st;
    struct timespec ts[2] = {{100, 5}, {200, 7}};
    struct timespec bad[2] = {{100, -5}, {200, 7}};
    char name[40];
    pipe(p);
    SHOW(fstat(p[0], &st));
    TRUE(S_ISFIFO(st.st_mode) && st.st_uid == geteuid() && st.st_nlink == 1);
    printf("mode %o\n", st.st_mode);
    SHOW(fchmod(p[0], 0440));
    SHOW(fstat(p[1], &st)); /* both ends are one object */
    printf("mode %o\n", st.st_mode);
    SHOW(fchown(p[1], 1000, 1001));
    fstat(p[0], &st);
    TRUE(st.st_uid == 1000 && st.st_gid == 1001);
    SHOW(fchown(p[1], -1, -1));
    SHOW(futimens(p[0], ts));
    SHOW(futimens(p[0], bad));
    fstat(p[1], &st);
    TRUE(st.st_atim.tv_sec == 100 && st.st_mtim.tv_sec == 200 && st.st_mtim.tv_nsec == 7);
    TRUE(st.st_ctim.tv_sec > 1000000);
    SHOW(fchownat(p[0], "", 0, 0, AT_EMPTY_PATH));
    SHOW(syscall(SYS_fchmodat2, p[0], "", 0600, AT_EMPTY_PATH));
    snprintf(name, sizeof name, "/proc/self/fd/%d", p[1]);
    SHOW(chmod(name, 0622));
    SHOW(stat(name, &st));
    printf("mode %o\n", st.st_mode);
    TRUE(st.st_uid == 0);
    SHOW(ftruncate(p[1], 0));
    SHOW(fchdir(p[0]));
    SHOW(linkat(p[0], "", AT_FDCWD, "pipe", AT_EMPTY_PATH) == -1);
    close(p[0]);
    close(p[1]);
    SHOW(fchmod(p[0], 0600));
    SHOW(fchown(p[0], 0, 0));
    SHOW(futimens(p[0], ts));
}

/* The standard streams are whatever started us gave: a pipe or a file. */
static void test_console(void)
{
    struct stat st;
    fstat(1, &st);
    mode_t old = st.st_mode & 07777;
    SHOW(fchmod(1, 0611));
    fstat(1, &st);
    printf("mode %o\n", st.st_mode & 07777);
    SHOW(fchmod(1, old));
    SHOW(fchown(1, -1, getegid()));
    SHOW(futimens(1, NULL));
    fstat(1, &st);
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    TRUE(now.tv_sec - st.st_mtim.tv_sec < 3);
}

static void test_fchmodat2(void)
{
    struct stat st;
    int fd = open("m", O_CREAT | O_RDWR, 0600);
    symlink("m", "sym");
    SHOW(syscall(SYS_fchmodat2, AT_FDCWD, "m", 0640, 0));
    stat("m", &st);
    printf("mode %o\n", st.st_mode);
    SHOW(syscall(SYS_fchmodat2, AT_FDCWD, "sym", 0604, 0));
    stat("m", &st);
    printf("mode %o\n", st.st_mode);
    SHOW(syscall(SYS_fchmodat2, AT_FDCWD, "sym", 0604, AT_SYMLINK_NOFOLLOW));
    SHOW(syscall(SYS_fchmodat2, AT_FDCWD, "m", 0600, AT_SYMLINK_NOFOLLOW));
    SHOW(syscall(SYS_fchmodat2, fd, "", 0644, AT_EMPTY_PATH));
    SHOW(syscall(SYS_fchmodat2, fd, "", 0644, 0));
    SHOW(syscall(SYS_fchmodat2, AT_FDCWD, "m", 0644, WRONG_FLAG));
    SHOW(syscall(SYS_fchmodat2, -1, "m", 0644, 0));
    SHOW(syscall(SYS_fchmodat2, AT_FDCWD, (char *)8, 0644, 0));
    int path = open("m", O_PATH);
    SHOW(fchmod(path, 0600));
    SHOW(syscall(SYS_fchmodat2, path, "", 0600, AT_EMPTY_PATH));
    SHOW(fchown(path, 0, 0));
    stat("m", &st);
    printf("mode %o\n", st.st_mode);
    close(path);
    close(fd);
}

/* Whether name is the root of a mount, and the id of its mount, as mountinfo has it. */
static void show_mount(int at, const char *name, int flags)
{
    struct statx x;
    char line[4096], where[1024];
    unsigned long id = 0, found = 0;
    SHOW(syscall(SYS_statx, at, name, flags, STATX_BASIC_STATS | STATX_MNT_ID, &x));
    TRUE((x.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT) != 0);
    printf("root of a mount: %d\n", (x.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0);
    FILE *f = fopen("/proc/self/mountinfo", "r");
    while (f != NULL && fgets(line, sizeof line, f) != NULL)
        if (sscanf(line, "%lu %*u %*s %*s %1023s", &id, where) == 2 && strcmp(where, "/proc") == 0)
            found = id;
    if (f != NULL)
        fclose(f);
    TRUE((x.stx_mask & STATX_MNT_ID) != 0 && x.stx_mnt_id == found);
}

static void test_mounts(void)
{
    int fd = open("/proc", O_RDONLY);
    show_mount(AT_FDCWD, "/proc", 0);
    show_mount(AT_FDCWD, "/proc/self/status", 0);
    show_mount(fd, "", AT_EMPTY_PATH);
    show_mount(fd, "self", AT_SYMLINK_NOFOLLOW);
    close(fd);
}

static void test_statx(void)
{
    struct statx x;
    int p[2];
    pipe(p);
    memset(&x, 0xff, sizeof x);
    SHOW(syscall(SYS_statx, AT_FDCWD, "m", 0, 0, &x)); /* what is cheap is told unasked */
    TRUE((x.stx_mask & STATX_MODE) != 0 && x.stx_mode == 0100600);
    SHOW(syscall(SYS_statx, AT_FDCWD, "m", 0, STATX_BTIME | STATX_SIZE, &x));
    TRUE(x.stx_size == 0 && (x.stx_mask & STATX_BTIME) != 0 && x.stx_btime.tv_sec > 1000000);
    SHOW(syscall(SYS_statx, p[0], "", AT_EMPTY_PATH, STATX_ALL, &x));
    TRUE((x.stx_mask & STATX_TYPE) != 0 && S_ISFIFO(x.stx_mode));
    SHOW(syscall(SYS_statx, AT_FDCWD, "m", AT_STATX_FORCE_SYNC, STATX_BASIC_STATS, &x));
    SHOW(syscall(SYS_statx, AT_FDCWD, "m", AT_STATX_DONT_SYNC, STATX_BASIC_STATS, &x));
    SHOW(syscall(SYS_statx, AT_FDCWD, "m", AT_STATX_SYNC_TYPE, STATX_BASIC_STATS, &x));
    SHOW(syscall(SYS_statx, AT_FDCWD, "sym", AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &x));
    TRUE(S_ISLNK(x.stx_mode) && x.stx_size == 1);
    SHOW(syscall(SYS_statx, AT_FDCWD, "m", 0, STATX_BASIC_STATS, (void *)8));
    struct statfs sf;
    SHOW(fstatfs(p[0], &sf));
    TRUE(sf.f_type == 0x50495045);
}

int main(void)
{
    test_pipe();
    test_console();
    test_fchmodat2();
    test_statx();
    test_mounts();
    return 0;
}
