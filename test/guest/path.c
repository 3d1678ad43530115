/* SPDX-License-Identifier: MIT */
/* Names: open, stat, link, rename, mkdir, symlinks, getdents, modes, times, and their *at forms.
 * Source: the manual page of each call, path_resolution(7). */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <linux/stat.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>
#include <utime.h>

#include "test/guest/show.h"

#define BAD_POINTER ((void *)8)
static char buf[8192], longname[300], longpath[5000];

static void touch(const char *name)
{
    close(open(name, O_CREAT | O_WRONLY, 0644));
}

static void test_open(void)
{
    memset(longname, 'n', 256);
    memset(longpath, '/', 4200);
    touch("f");
    mkdir("d", 0755);
    SHOW(open("none", O_RDONLY));
    SHOW(open("", O_RDONLY));
    SHOW(open("f/x", O_RDONLY));
    SHOW(open("f/", O_RDONLY));
    SHOW(open("none/x", O_CREAT, 0600));
    SHOW(open("none/", O_CREAT | O_WRONLY, 0600));
    SHOW(open("d", O_WRONLY));
    SHOW(open("d", O_CREAT | O_RDONLY, 0600));
    SHOW(open("f", O_DIRECTORY));
    SHOW(open(longname, O_RDONLY));
    SHOW(open(longpath, O_RDONLY));
    SHOW(open(BAD_POINTER, O_RDONLY));
    SHOW(openat(-1, "f", O_RDONLY));
    int d = open("d", O_RDONLY | O_DIRECTORY), f = open("f", O_RDONLY);
    SHOW(openat(f, "x", O_RDONLY));
    SHOW(close(openat(d, "inner", O_CREAT | O_RDWR, 0640)));
    SHOW(close(openat(d, "../f", O_RDONLY)));
    SHOW(close(openat(d, "./../d/.././d/inner", O_RDONLY)));
    SHOW(close(openat(-1, "/dev/null", O_RDONLY)));
    SHOW(read(d, buf, 10));
    SHOW(write(d, buf, 10));
    SHOW(lseek(d, 0, SEEK_SET));
    int t = open(".", O_TMPFILE | O_RDWR, 0600);
    if (t >= 0 || errno == EOPNOTSUPP || errno == EISDIR)
        printf("O_TMPFILE answered\n");
    close(t);
    close(d);
    close(f);
}

static void show_stat(const char *what, const struct stat *st)
{
    printf("%s: mode %o size %ld nlink %ld\n", what, st->st_mode,
           S_ISDIR(st->st_mode) ? -1 : (long)st->st_size,
           S_ISDIR(st->st_mode) ? -1 : (long)st->st_nlink);
}

static void test_stat(void)
{
    struct stat st, other;
    struct statx stx;
    umask(027);
    int fd = open("s", O_CREAT | O_RDWR | O_TRUNC, 0666);
    write(fd, "12345", 5);
    SHOW(stat("s", &st));
    show_stat("s", &st);
    TRUE(st.st_uid == geteuid() && st.st_blksize > 0 && st.st_ino != 0);
    SHOW(fstat(fd, &other));
    TRUE(st.st_ino == other.st_ino && st.st_dev == other.st_dev);
    SHOW(stat("d", &st));
    TRUE(S_ISDIR(st.st_mode));
    SHOW(stat("none", &st));
    SHOW(stat("s/", &st));
    SHOW(syscall(SYS_stat, "s", BAD_POINTER));
    SHOW(fstat(-1, &st));
    SHOW(fstatat(AT_FDCWD, "", &st, 0));
    SHOW(fstatat(fd, "", &st, AT_EMPTY_PATH));
    show_stat("empty path", &st);
    SHOW(fstatat(fd, "", &st, 0x40000000));
    memset(&stx, 0, sizeof stx);
    SHOW(syscall(SYS_statx, AT_FDCWD, "s", 0, STATX_BASIC_STATS, &stx));
    TRUE(stx.stx_size == 5 && stx.stx_mode == 0100640 && stx.stx_nlink == 1);
    TRUE((stx.stx_mask & STATX_BASIC_STATS) == STATX_BASIC_STATS);
    SHOW(syscall(SYS_statx, fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &stx));
    SHOW(syscall(SYS_statx, fd, "", 0, STATX_BASIC_STATS, &stx));
    SHOW(syscall(SYS_statx, AT_FDCWD, "s", 0, 0x80000000, &stx));
    umask(022);
    close(fd);
}

static void test_access(void)
{
    SHOW(access("s", F_OK));
    SHOW(access("s", R_OK | W_OK));
    SHOW(access("none", F_OK));
    SHOW(access("s", 0100));
    SHOW(access("s/x", F_OK));
    chmod("s", 0644);
    SHOW(access("s", X_OK));
    SHOW(faccessat(AT_FDCWD, "d", X_OK, 0));
    SHOW(syscall(SYS_faccessat2, AT_FDCWD, "s", R_OK, AT_EACCESS));
    SHOW(syscall(SYS_faccessat2, AT_FDCWD, "s", R_OK, 0x1000000));
    SHOW(syscall(SYS_faccessat2, -1, "s", R_OK, 0));
}

static void test_directories(void)
{
    char *cwd;
    SHOW(mkdir("dir", 0777));
    SHOW(mkdir("dir", 0777));
    SHOW(mkdir("none/dir", 0777));
    SHOW(mkdir("f/dir", 0777));
    SHOW(mkdir("dir/a/", 0777));
    SHOW(mkdirat(AT_FDCWD, "dir/b", 0700));
    SHOW(mkdir(".", 0700));
    SHOW(mkdir("/", 0700));
    SHOW(mkdir("", 0700));
    SHOW(rmdir("dir"));
    SHOW(rmdir("dir/a"));
    SHOW(rmdir("dir/a"));
    SHOW(rmdir("f"));
    SHOW(rmdir("dir/b/."));
    SHOW(rmdir("dir/b/.."));
    SHOW(unlink("dir/b"));
    SHOW(unlinkat(AT_FDCWD, "dir/b", AT_REMOVEDIR));
    SHOW(unlinkat(AT_FDCWD, "dir", 0x10000));
    SHOW(chdir("none"));
    SHOW(chdir("f"));
    SHOW(chdir("dir"));
    cwd = getcwd(buf, sizeof buf);
    TRUE(cwd && strcmp(strrchr(cwd, '/'), "/dir") == 0);
    SHOW(syscall(SYS_getcwd, buf, 2));
    SHOW(syscall(SYS_getcwd, BAD_POINTER, 4096));
    int fd = open("..", O_RDONLY);
    SHOW(fchdir(fd));
    SHOW(access("dir", F_OK));
    SHOW(fchdir(-1));
    SHOW(rmdir("dir"));
    close(fd);
    SHOW(chdir("/"));
    TRUE(strcmp(getcwd(buf, sizeof buf), "/") == 0);
    SHOW(chdir("/.././/usr/.././../"));
    TRUE(strcmp(getcwd(buf, sizeof buf), "/") == 0);
}

static void test_links(void)
{
    struct stat st;
    int fd = open("target", O_CREAT | O_RDWR, 0644);
    write(fd, "content", 7);
    SHOW(link("target", "hard"));
    SHOW(link("target", "hard"));
    SHOW(link("none", "x"));
    SHOW(link("d", "x"));
    SHOW(fstat(fd, &st));
    SHOW(st.st_nlink);
    SHOW(unlink("target"));
    SHOW(fstat(fd, &st));
    SHOW(st.st_nlink);
    SHOW(unlink("hard"));
    SHOW(pread(fd, buf, 100, 0));
    SHOW(fstat(fd, &st));
    SHOW(st.st_nlink);
    SHOW(unlink("hard"));
    SHOW(unlink("none/x"));
    SHOW(unlink("f/x"));
    SHOW(unlink(""));
    close(fd);
}

static void test_symlinks(void)
{
    struct stat st;
    SHOW(symlink("f", "sym"));
    SHOW(symlink("f", "sym"));
    SHOW(symlink("", "sym2"));
    SHOW(readlink("sym", buf, sizeof buf));
    SHOW(readlink("sym", buf, 0));
    SHOW(readlink("f", buf, sizeof buf));
    SHOW(readlink("none", buf, sizeof buf));
    SHOW(lstat("sym", &st));
    TRUE(S_ISLNK(st.st_mode) && st.st_size == 1);
    SHOW(stat("sym", &st));
    TRUE(S_ISREG(st.st_mode));
    SHOW(open("sym", O_RDONLY | O_NOFOLLOW));
    SHOW(close(open("sym", O_RDONLY)));
    SHOW(symlink("loop2", "loop1"));
    SHOW(symlink("loop1", "loop2"));
    SHOW(open("loop1", O_RDONLY));
    SHOW(stat("loop1/x", &st));
    SHOW(symlink("nowhere", "dangling"));
    SHOW(open("dangling", O_RDONLY));
    SHOW(open("dangling", O_CREAT | O_EXCL | O_WRONLY, 0600));
    SHOW(close(open("dangling", O_CREAT | O_WRONLY, 0600)));
    SHOW(access("nowhere", F_OK));
    SHOW(symlinkat("d/inner", AT_FDCWD, "deep"));
    SHOW(readlinkat(AT_FDCWD, "deep", buf, 3));
    TRUE(memcmp(buf, "d/i", 3) == 0);
    SHOW(stat("deep", &st));
    SHOW(symlink("d", "dsym"));
    SHOW(access("dsym/inner", F_OK));
    SHOW(access("dsym/../f", F_OK));
    SHOW(rmdir("dsym"));
    SHOW(lstat("dsym/", &st));
    TRUE(S_ISDIR(st.st_mode));
    SHOW(linkat(AT_FDCWD, "sym", AT_FDCWD, "symhard", 0));
    SHOW(lstat("symhard", &st));
    TRUE(S_ISLNK(st.st_mode));
    SHOW(linkat(AT_FDCWD, "sym", AT_FDCWD, "followed", AT_SYMLINK_FOLLOW));
    SHOW(lstat("followed", &st));
    TRUE(S_ISREG(st.st_mode));
    const char *gone[] = {"sym",  "loop1", "loop2",   "dangling", "nowhere",
                          "deep", "dsym",  "symhard", "followed"};
    for (unsigned i = 0; i < sizeof gone / sizeof *gone; i++)
        unlink(gone[i]);
}

static void test_rename(void)
{
    touch("r1");
    touch("r2");
    mkdir("rd", 0755);
    mkdir("rd/sub", 0755);
    mkdir("re", 0755);
    SHOW(rename("r1", "r3"));
    SHOW(access("r1", F_OK));
    SHOW(rename("r3", "r2"));
    SHOW(rename("r3", "r2"));
    SHOW(rename("r2", "r2"));
    SHOW(rename("r2", "rd"));
    SHOW(rename("rd", "r2"));
    SHOW(rename("re", "rd"));
    SHOW(rename("rd", "re"));
    SHOW(access("re/sub", F_OK));
    SHOW(rename("re", "re/sub/x"));
    SHOW(rename("re/sub", "re"));
    SHOW(rename("r2", "none/x"));
    SHOW(rename("r2", "re/moved"));
    SHOW(access("re/moved", F_OK));
    SHOW(rename(".", "x"));
    SHOW(rename("re/moved", "x/"));
    SHOW(rename("re/", "rf/"));
    touch("n1");
    touch("n2");
    SHOW(syscall(SYS_renameat2, AT_FDCWD, "n1", AT_FDCWD, "n2", RENAME_NOREPLACE));
    SHOW(syscall(SYS_renameat2, AT_FDCWD, "n1", AT_FDCWD, "n3", RENAME_NOREPLACE));
    SHOW(syscall(SYS_renameat2, AT_FDCWD, "n1", AT_FDCWD, "n3", 0x100));
    SHOW(syscall(SYS_renameat2, AT_FDCWD, "n2", AT_FDCWD, "rf", RENAME_EXCHANGE));
    struct stat st;
    SHOW(stat("n2", &st));
    TRUE(S_ISDIR(st.st_mode));
    SHOW(syscall(SYS_renameat2, AT_FDCWD, "n2", AT_FDCWD, "no", RENAME_EXCHANGE));
    SHOW(
        syscall(SYS_renameat2, AT_FDCWD, "n2", AT_FDCWD, "n3", RENAME_EXCHANGE | RENAME_NOREPLACE));
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void list_directory(const char *name)
{
    char *names[3000];
    unsigned n = 0, dots = 0;
    DIR *d = opendir(name);
    for (struct dirent *e; d && (e = readdir(d)) != NULL && n < 3000;) {
        dots += !strcmp(e->d_name, ".") || !strcmp(e->d_name, "..");
        names[n++] = strdup(e->d_name);
    }
    qsort(names, n, sizeof *names, compare_names);
    printf("%s has %u entries, %u dots:", name, n, dots);
    for (unsigned i = 0; i < n; i++) {
        if (n < 20)
            printf(" %s", names[i]);
        free(names[i]);
    }
    printf("\n");
    if (d)
        closedir(d);
}

static void test_getdents(void)
{
    char name[40];
    mkdir("list", 0755);
    list_directory("list");
    touch("list/b");
    touch("list/a");
    mkdir("list/c", 0755);
    list_directory("list");
    for (int i = 0; i < 1000; i++) {
        snprintf(name, sizeof name, "list/some-longer-name-%d", i);
        touch(name);
    }
    list_directory("list");
    int fd = open("list", O_RDONLY);
    SHOW(syscall(SYS_getdents64, fd, buf, 10));
    SHOW(syscall(SYS_getdents64, fd, BAD_POINTER, 1000));
    SHOW(syscall(SYS_getdents64, 0, buf, 1000));
    SHOW(syscall(SYS_getdents64, -1, buf, 1000));
    SHOW_ERR(syscall(SYS_getdents64, fd, buf, 1000));
    SHOW(lseek(fd, 0, SEEK_SET));
    long total = 0;
    for (long n; (n = syscall(SYS_getdents64, fd, buf, sizeof buf)) > 0;)
        for (long at = 0; at < n; total++)
            at += *(uint16_t *)(buf + at + 16);
    SHOW(total);
    SHOW(syscall(SYS_getdents64, fd, buf, sizeof buf));
    close(fd);
    for (int i = 0; i < 1000; i += 2) {
        snprintf(name, sizeof name, "list/some-longer-name-%d", i);
        unlink(name);
    }
    list_directory("list");
    rmdir("list/c");
    list_directory("list/b");
    fd = open("list", O_RDONLY);
    SHOW(unlinkat(fd, "a", 0));
    close(fd);
}

static void test_modes(void)
{
    struct stat st;
    touch("m");
    int fd = open("m", O_RDONLY);
    SHOW(chmod("m", 04751));
    stat("m", &st);
    show_stat("m", &st);
    SHOW(fchmod(fd, 0640));
    fstat(fd, &st);
    show_stat("m", &st);
    SHOW(fchmodat(AT_FDCWD, "m", 0600, 0));
    SHOW(chmod("none", 0600));
    SHOW(fchmod(-1, 0600));
    SHOW(chown("m", geteuid(), -1));
    SHOW(fchown(fd, -1, getegid()));
    SHOW(lchown("none", -1, -1));
    SHOW(fchownat(fd, "", -1, -1, AT_EMPTY_PATH));
    SHOW(fchownat(fd, "", -1, -1, 0x40));
    SHOW(umask(077));
    SHOW(umask(022));
    SHOW(mknod("fifo", S_IFIFO | 0644, 0));
    SHOW(stat("fifo", &st));
    TRUE(S_ISFIFO(st.st_mode));
    SHOW(mknod("fifo", S_IFIFO | 0644, 0));
    SHOW(mknod("regular", S_IFREG | 0600, 0));
    SHOW(mknod("dir", S_IFDIR | 0600, 0));
    SHOW(unlink("fifo"));
    close(fd);
}

static void test_times(void)
{
    struct timespec ts[2] = {{1000, 5}, {2000, 7}};
    struct timespec omit[2] = {{0, UTIME_OMIT}, {0, UTIME_NOW}};
    struct timespec wrong[2] = {{0, 1000000000}, {0, 0}};
    struct timeval tv[2] = {{10, 11}, {12, 13}};
    struct utimbuf ub = {77, 78};
    struct stat st;
    int fd = open("m", O_RDWR);
    SHOW(utimensat(AT_FDCWD, "m", ts, 0));
    stat("m", &st);
    TRUE(st.st_atim.tv_sec == 1000 && st.st_mtim.tv_sec == 2000 && st.st_mtim.tv_nsec == 7);
    SHOW(futimens(fd, omit));
    stat("m", &st);
    TRUE(st.st_atim.tv_sec == 1000 && st.st_mtim.tv_sec > 1700000000);
    SHOW(utimensat(AT_FDCWD, "m", wrong, 0));
    SHOW(utimensat(AT_FDCWD, "none", ts, 0));
    SHOW(utimes("m", tv));
    stat("m", &st);
    TRUE(st.st_atim.tv_sec == 10 && st.st_mtim.tv_nsec == 13000);
    SHOW(utime("m", &ub));
    stat("m", &st);
    TRUE(st.st_atim.tv_sec == 77 && st.st_mtim.tv_sec == 78);
    SHOW(write(fd, "x", 1));
    stat("m", &st);
    TRUE(st.st_mtim.tv_sec > 1700000000 && st.st_ctim.tv_sec > 1700000000);
    symlink("m", "tsym");
    SHOW(utimensat(AT_FDCWD, "tsym", ts, AT_SYMLINK_NOFOLLOW));
    stat("m", &st);
    TRUE(st.st_mtim.tv_sec != 2000);
    lstat("tsym", &st);
    TRUE(st.st_mtim.tv_sec == 2000);
    close(fd);
}

static void test_openat2(void)
{
    struct open_how how = {.flags = O_RDONLY, .resolve = RESOLVE_BENEATH};
    SHOW(close((int)syscall(SYS_openat2, AT_FDCWD, "d/inner", &how, sizeof how)));
    SHOW(syscall(SYS_openat2, AT_FDCWD, "/dev/null", &how, sizeof how));
    SHOW(syscall(SYS_openat2, AT_FDCWD, "../..", &how, sizeof how));
    how.resolve = RESOLVE_NO_SYMLINKS;
    SHOW(syscall(SYS_openat2, AT_FDCWD, "tsym", &how, sizeof how));
    SHOW(syscall(SYS_openat2, AT_FDCWD, "f", &how, 4));
    how.resolve = 1UL << 60;
    SHOW(syscall(SYS_openat2, AT_FDCWD, "f", &how, sizeof how));
    how.resolve = 0;
    how.mode = 0600;
    SHOW(syscall(SYS_openat2, AT_FDCWD, "f", &how, sizeof how));
}

static void test_others(void)
{
    struct statfs sf;
    SHOW(statfs(".", &sf));
    TRUE(sf.f_bsize > 0 && sf.f_namelen >= 255 && sf.f_blocks >= sf.f_bfree);
    SHOW(statfs("none", &sf));
    SHOW(fstatfs(-1, &sf));
    SHOW(statfs("/proc", &sf));
    TRUE(sf.f_type == 0x9fa0);
    SHOW(getxattr("f", "user.none", buf, sizeof buf));
    SHOW(getxattr("none", "user.none", buf, sizeof buf));
    SHOW(listxattr("f", buf, sizeof buf));
    SHOW(chroot("none"));
    touch("removed");
    int fd = open("removed", O_RDWR);
    unlink("removed");
    SHOW(access("/proc/self/fd/0", F_OK));
    SHOW(readlink("/proc/self/exe", buf, sizeof buf) > 0);
    snprintf(longname, sizeof longname, "/proc/self/fd/%d", fd);
    SHOW(close(open(longname, O_RDONLY)));
    SHOW(access("/proc/self/fd/999", F_OK));
    SHOW(access("/proc/self/maps", R_OK));
    SHOW(access("/proc/none", R_OK));
    close(fd);
}

int main(void)
{
    test_open();
    test_stat();
    test_access();
    test_links();
    test_symlinks();
    test_rename();
    test_getdents();
    test_modes();
    test_times();
    test_openat2();
    test_others();
    test_directories();
    return 0;
}
