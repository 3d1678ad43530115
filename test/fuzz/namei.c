/* SPDX-License-Identifier: MIT */
// sources:
// fakes: files
/* Fuzz target of path walk: the input is calls on names, with allocations that fail. What a walk
 * returns must be a canonical absolute name that leads to the same place, within the root and,
 * with WALK_BENEATH, below the start; afterwards all memory is back. */
#define _GNU_SOURCE
#include "fs/entry.h"

#include <asm/errno.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/heap.h"
#include "test/fake/files.h"
#include "test/fake/heap.h"

#define NAME_CAP 600

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
    const uint8_t *at, *end;
};

static void require(bool ok)
{
    if (!ok) {
        abort();
    }
}

static uint8_t next_byte(struct input *in)
{
    return in->at < in->end ? *in->at++ : 0;
}

/* Few letters, so that names meet; one value gives a part of 250 bytes. */
static void next_name(struct input *in, char *out)
{
    static const char *const parts[] = {"a",  "b",   "c",  "/",  "/", ".",
                                        "..", "../", "a/", "b/", "//"};
    unsigned n = next_byte(in) % 16;
    size_t len = 0;
    for (unsigned i = 0; i < n; i++) {
        uint8_t b = next_byte(in);
        if (b == 255 && len + 260 < NAME_CAP) {
            memset(out + len, 'n', 250);
            len += 250;
        } else {
            const char *part = parts[b % ARRAY_LEN(parts)];
            memcpy(out + len, part, strlen(part));
            len += strlen(part);
        }
    }
    out[len] = 0;
}

static bool is_canonical(const char *name)
{
    size_t len = strlen(name);
    return name[0] == '/' && (len == 1 || name[len - 1] != '/') && strstr(name, "//") == NULL &&
           strstr(name, "/./") == NULL && strstr(name, "/../") == NULL &&
           (len < 2 || strcmp(name + len - 2, "/.") != 0) &&
           (len < 3 || strcmp(name + len - 3, "/..") != 0);
}

/* The name that a walk gave leads there again, without any symlink. That of a relative walk may be
 * an old one: the current directory keeps its name when it is renamed. */
static void check_place(const struct path *p, bool absolute)
{
    struct path again;
    struct path root;
    require(is_canonical(p->name));
    namei_root(&root);
    if (absolute && strcmp(root.name, "/") == 0 &&
        namei_walk(NULL, p->name, WALK_NOFOLLOW | WALK_NO_SYMLINKS, &again) == 0) {
        require(again.vnode == p->vnode && strcmp(again.name, p->name) == 0);
        path_put(&again);
    }
    path_put(&root);
}

static void walk(struct input *in, const char *name)
{
    struct path p;
    struct path cwd;
    unsigned fail = next_byte(in);
    unsigned flags = next_byte(in) & 31;
    heap_fail_after(fail >= 250 ? fail - 249 : 0);
    int err = namei_walk(NULL, name, flags, &p);
    heap_fail_after(0);
    require(err <= 0 && err >= -133 && (err != -ENOMEM || fail >= 250));
    if (err != 0) {
        return;
    }
    check_place(&p, name[0] == '/');
    require((flags & WALK_DIRECTORY) == 0 || S_ISDIR(p.vnode->mode));
    namei_cwd(&cwd);
    size_t len = strlen(cwd.name);
    require((flags & WALK_BENEATH) == 0 || (strncmp(p.name, cwd.name, len) == 0 &&
                                            (len == 1 || p.name[len] == 0 || p.name[len] == '/')));
    path_put(&cwd);
    path_put(&p);
}

static void go(const char *name, bool root)
{
    struct path p;
    if (namei_walk(NULL, name, WALK_DIRECTORY, &p) == 0) {
        require((root ? namei_set_root(&p) : namei_set_cwd(&p)) == 0);
        path_put(&p);
    }
}

static void step(struct input *in)
{
    char a[NAME_CAP];
    char b[NAME_CAP];
    uint8_t what = next_byte(in);
    next_name(in, a);
    switch (what % 8) {
    case 0: (void)!entry_make(NULL, a, S_IFDIR | 0755, 0); break;
    case 1: (void)!entry_make(NULL, a, S_IFREG | 0644, 0); break;
    case 2:
        next_name(in, b);
        (void)!entry_symlink(b, NULL, a);
        break;
    case 3: (void)!entry_remove(NULL, a, what & 8); break;
    case 4:
        next_name(in, b);
        (void)!entry_rename(NULL, a, NULL, b, what >> 3 & 3);
        break;
    case 5: go(a, what == 0xfd); break;
    default: walk(in, a); break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, data + size};
    long before = fake_heap_in_use();
    while (in.at < in.end) {
        step(&in);
    }
    fake_files_clear(fake_root->root);
    require(fake_heap_in_use() == before);
    return 0;
}
