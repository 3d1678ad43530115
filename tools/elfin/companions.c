/* SPDX-License-Identifier: MIT */
/* One table: which files of the host go along with a program or library. Entries that the host
 * lacks are skipped. Everything else that a program opens is named with --add.
 * Source: the files' own packages on Debian 12, and glob(7) for the patterns. */
#include "tools/elfin/companions.h"

#include <fnmatch.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>

#define MAX_PLACES 8
#define ARCH "/usr/lib/x86_64-linux-gnu"

static const struct companion {
    const char *name; /* pattern for the base name of a program or library */
    const char *places[MAX_PLACES]; /* patterns for files and folders */
} table[] = {
    {"python3*",
     {"/usr/lib/python3", "/usr/lib/python3.*", "/usr/local/lib/python3*", "/etc/python3*"}},
    {"libpython3*", {"/usr/lib/python3", "/usr/lib/python3.*", "/usr/local/lib/python3*"}},
    {"perl*",
     {"/etc/perl", "/usr/share/perl", "/usr/share/perl5", ARCH "/perl", ARCH "/perl-base",
      ARCH "/perl5", "/usr/local/share/perl"}},
    {"ruby*", {"/usr/lib/ruby", "/var/lib/gems", ARCH "/ruby", "/usr/share/rubygems-integration"}},
    {"lua*",
     {"/usr/share/lua", "/usr/share/luajit*", ARCH "/lua", "/usr/local/share/lua",
      "/usr/local/lib/lua"}},
    {"node*", {"/usr/share/nodejs", ARCH "/nodejs"}},
    {"php*", {"/etc/php", "/usr/lib/php", "/usr/share/php", "/usr/share/zoneinfo"}},
    {"java", {"/usr/lib/jvm/java-*-openjdk-*", "/etc/java-*-openjdk"}},
    {"libguile-3*", {"/usr/share/guile/3.0", ARCH "/guile/3.0", ARCH "/gconv"}},
    {"iconv", {ARCH "/gconv"}},
    {"beam.smp", {"/usr/lib/erlang"}},
    {"tclsh*", {"/usr/share/tcltk"}},
    {"gawk", {"/usr/share/awk", ARCH "/gawk"}},
    {"vim*", {"/usr/share/vim", "/etc/vim"}},
    {"libcrypto.so*",
     {"/etc/ssl/openssl.cnf", "/usr/lib/ssl/openssl.cnf", ARCH "/ossl-modules", ARCH "/engines-3",
      "/etc/ssl/certs/ca-certificates.crt"}},
    {"libmagic.so*", {"/usr/share/misc/magic.mgc", "/etc/magic"}},
    {"libtinfo.so*", {"/lib/terminfo", "/usr/share/terminfo", "/etc/terminfo"}},
    {"libreadline.so*", {"/etc/inputrc"}},
    {"libc.so.6", {"/usr/lib/locale/C.utf8"}},
};

/* Inside those folders: what only compilers read, and packaging tools, which start other
 * programs. */
static const char *const unwanted[] = {
    "*.a", "*.h",        "*.pod",     "*.la",    "*.jmod", "ct.sym",
    "pip", "setuptools", "ensurepip", "idlelib", NULL,
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static int add_places(struct deps *d, const char *const *patterns)
{
    int status = 0;
    for (size_t i = 0; i < MAX_PLACES && patterns[i] != NULL && status == 0; i++) {
        glob_t found;
        if (glob(patterns[i], 0, NULL, &found) != 0) {
            continue;
        }
        for (size_t k = 0; k < found.gl_pathc && status == 0; k++) {
            status = tree_add_tree(d->tree, found.gl_pathv[k], unwanted);
        }
        globfree(&found);
    }
    return status;
}

static int add_for(struct deps *d, const char *path)
{
    int status = 0;
    const char *base = strrchr(path, '/') + 1;
    for (size_t i = 0; i < COUNT(table) && status == 0; i++) {
        if (fnmatch(table[i].name, base, 0) == 0) {
            status = add_places(d, table[i].places);
        }
    }
    return status;
}

static int collect_module(const struct tree_node *node, void *arg)
{
    const char *base = strrchr(node->path, '/') + 1;
    if (S_ISREG(node->st.st_mode) &&
        (fnmatch("*.so", base, 0) == 0 || fnmatch("*.so.*", base, 0) == 0)) {
        words_add(arg, node->path);
    }
    return 0;
}

/* Shared objects that are in the tree for other reasons need their libraries too. */
static void add_modules(struct deps *d)
{
    struct words modules = {0};
    tree_walk(d->tree, collect_module, &modules);
    for (size_t i = 0; i < modules.count; i++) {
        deps_add_object(d, modules.items[i]);
    }
    words_fini(&modules);
}

int companions_add(struct deps *d, const char *program)
{
    int status = add_for(d, program);
    const struct deps_object *next = d->first;
    while (next != NULL && status == 0) {
        const struct deps_object *last = d->last;
        for (; next != NULL && status == 0; next = next->next) {
            status = add_for(d, next->path);
        }
        add_modules(d);
        next = last->next;
    }
    return status;
}
