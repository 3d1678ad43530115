/* SPDX-License-Identifier: MIT */
// sources: fs/etc.c fs/textfs.c
// fakes: files
// cflags: -include linux/stat.h
/* The files of /etc that are made where the image has none. */
#include "fs/etc.h"

#include <asm/errno.h>
#include <asm/fcntl.h>
#include <string.h>

#include "fs/attr.h"
#include "fs/entry.h"
#include "fs/vnode.h"
#include "kernel/file.h"
#include "kernel/heap.h"
#include "test/fake/files.h"
#include "test/fake/heap.h"
#include "test/unit/check.h"

#define HOSTS "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n"

static const char *const servers[] = {"10.0.2.3", "fec0::3"};

static void start(void)
{
    fake_files_clear(fake_root->root);
    CHECK_EQ(entry_make(NULL, "/etc", S_IFDIR | 0755, 0), 0);
}

/* The file's text, or why there is none. */
static const char *read(const char *path)
{
    static char text[512];
    struct file *f;
    struct iov part;
    struct iov_iter it = iov_iter_one(&part, text, sizeof(text) - 1, false);
    uint64_t pos = 0;
    int err = vfs_open(NULL, path, O_RDONLY, 0, &f);
    if (err != 0) {
        return err == -ENOENT ? "(none)" : "(error)";
    }
    long n = f->ops->read(f, &it, &pos);
    text[n > 0 ? n : 0] = '\0';
    file_put(f);
    return text;
}

static void write(const char *path, const char *text)
{
    struct file *f;
    char copy[256];
    struct iov part;
    size_t len = strlen(text);
    memcpy(copy, text, len + 1);
    struct iov_iter it = iov_iter_one(&part, copy, len, false);
    uint64_t pos = 0;
    CHECK_EQ(vfs_open(NULL, path, O_WRONLY | O_CREAT | O_TRUNC, 0644, &f), 0);
    CHECK_EQ(len != 0 ? f->ops->write(f, &it, &pos) : 0, len);
    file_put(f);
}

static void names(void)
{
    start();
    CHECK_EQ(etc_write_names("box", NULL), 0);
    CHECK_STR(read("/etc/hostname"), "box\n");
    CHECK_STR(read("/etc/hosts"), HOSTS "127.0.1.1\tbox\n");
    start();
    CHECK_EQ(etc_write_names("box", "10.0.2.15/24"), 0);
    CHECK_STR(read("/etc/hosts"), HOSTS "10.0.2.15\tbox\n");
    CHECK_EQ(etc_write_names("other", "fd00::1"), 0); /* they are there by now */
    CHECK_STR(read("/etc/hosts"), HOSTS "10.0.2.15\tbox\n");
    start();
    CHECK_EQ(etc_write_names("box", "fd00::1"), 0);
    CHECK_STR(read("/etc/hosts"), HOSTS "fd00::1\tbox\n");
    fake_files_clear(fake_root->root);
    CHECK_EQ(etc_write_names("box", NULL), 0); /* not even /etc */
    CHECK_STR(read("/etc/hostname"), "box\n");
    fake_files_clear(fake_root->root);
}

static void images_own(void)
{
    start();
    write("/etc/hosts", "1.2.3.4 mine\n");
    write("/etc/resolv.conf", "nameserver 1.2.3.4\n");
    write("/etc/hostname", "");
    CHECK_EQ(etc_write_names("box", NULL), 0);
    CHECK_EQ(etc_write_resolv(servers, 2, NULL), 0);
    CHECK_STR(read("/etc/hosts"), "1.2.3.4 mine\n");
    CHECK_STR(read("/etc/resolv.conf"), "nameserver 1.2.3.4\n");
    CHECK_STR(read("/etc/hostname"), "box\n"); /* empty ones are placeholders */
    fake_files_clear(fake_root->root);
}

static void resolv(void)
{
    start();
    CHECK_EQ(etc_write_resolv(NULL, 0, NULL), 0);
    CHECK_STR(read("/etc/resolv.conf"), "(none)");
    CHECK_EQ(etc_write_resolv(servers, 2, "a.example b.example"), 0);
    CHECK_STR(read("/etc/resolv.conf"),
              "nameserver 10.0.2.3\nnameserver fec0::3\nsearch a.example b.example\n");
    CHECK_EQ(etc_write_resolv(servers, 1, NULL), 0); /* it is shorter now */
    CHECK_STR(read("/etc/resolv.conf"), "nameserver 10.0.2.3\n");
    CHECK_EQ(entry_rename(NULL, "/etc/resolv.conf", NULL, "/moved", 0), 0);
    CHECK_EQ(etc_write_resolv(NULL, 0, "a.example"), 0);
    CHECK_STR(read("/moved"), "search a.example\n");
    CHECK_EQ(etc_write_resolv(NULL, 0, NULL), 0);
    CHECK_STR(read("/moved"), "");
    CHECK_EQ(etc_write_resolv(servers + 1, 1, NULL), 0);
    CHECK_STR(read("/moved"), "");
    CHECK_STR(read("/etc/resolv.conf"), "nameserver fec0::3\n");
    CHECK_EQ(etc_write_resolv(NULL, 0, NULL), 0);
    fake_files_clear(fake_root->root);
}

/* Distributions link resolv.conf to what a daemon writes. */
static void symlinks(void)
{
    start();
    CHECK_EQ(entry_symlink("../run/resolv.conf", NULL, "/etc/resolv.conf"), 0);
    CHECK_EQ(etc_write_resolv(servers, 1, NULL), 0);
    CHECK_STR(read("/etc/resolv.conf"), "nameserver 10.0.2.3\n");
    CHECK_STR(read("/run/resolv.conf"), "(none)");
    CHECK_EQ(etc_write_resolv(NULL, 0, NULL), 0);
    start();
    write("/real", "");
    CHECK_EQ(entry_symlink("/real", NULL, "/etc/resolv.conf"), 0);
    CHECK_EQ(etc_write_resolv(servers, 1, NULL), 0);
    CHECK_STR(read("/real"), "nameserver 10.0.2.3\n");
    CHECK_EQ(etc_write_resolv(NULL, 0, NULL), 0);
    fake_files_clear(fake_root->root);
}

static void refusals(void)
{
    fake_files_clear(fake_root->root);
    write("/etc", "");
    CHECK_EQ(etc_write_names("box", NULL), -ENOTDIR);
    CHECK_EQ(etc_write_resolv(servers, 1, NULL), -ENOTDIR);
    start();
    CHECK_EQ(entry_make(NULL, "/etc/hosts", S_IFDIR | 0755, 0), 0);
    CHECK_EQ(etc_write_names("box", NULL), 0); /* somebody wants it like that */
    fake_files_clear(fake_root->root);
}

static void out_of_memory(void)
{
    bool failed = true;
    unsigned long n;
    for (n = 1; failed; n++) {
        start();
        heap_fail_after(n);
        int err = etc_write_names("box", NULL);
        err = err == 0 ? etc_write_resolv(servers, 2, "a.example") : err;
        err = err == 0 ? etc_write_resolv(servers, 1, NULL) : err;
        failed = fake_heap_failed();
        heap_fail_after(0);
        CHECK(failed ? err == -ENOMEM || err == -ENOSPC : err == 0);
        CHECK_EQ(etc_write_resolv(NULL, 0, NULL), 0);
        fake_files_clear(fake_root->root);
    }
    CHECK(n > 10);
}

TESTS(names, images_own, resolv, symlinks, refusals, out_of_memory)
