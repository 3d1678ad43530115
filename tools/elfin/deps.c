/* SPDX-License-Identifier: MIT */
/* Owns the search for shared libraries. Objects are looked at in the order in which they are found,
 * as the dynamic linkers do; a library is taken once, by name or by the place it leads to.
 * Source: ld.so(8); musl, ldso/dynlink.c (load_library) for musl's order; gABI ch. 5. */
#include "tools/elfin/deps.h"

#include <libgen.h>
#include <stdlib.h>
#include <string.h>

#include "tools/elfin/report.h"

#define CACHE_PATH "/etc/ld.so.cache"
#define MUSL_PREFIX "ld-musl-"

static const char *const glibc_folders[] = {
    "/lib/x86_64-linux-gnu",
    "/usr/lib/x86_64-linux-gnu",
    "/lib64",
    "/usr/lib64",
    "/lib",
    "/usr/lib",
};
static const char *const musl_folders[] = {"/lib", "/usr/local/lib", "/usr/lib"};

/* Below each folder glibc prefers builds for newer processors. The guest's may have any of them. */
static const char *const variants[] = {
    "",
    "glibc-hwcaps/x86-64-v2/",
    "glibc-hwcaps/x86-64-v3/",
    "glibc-hwcaps/x86-64-v4/",
};

/* Names that musl's linker takes for itself. */
static const char *const musl_own[] = {"c.", "pthread.", "rt.", "m.", "dl.", "util.", "xnet."};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

void deps_init(struct deps *d, struct tree *tree, const char *library_path, bool complete)
{
    *d = (struct deps){.tree = tree, .library_path = library_path, .complete = complete};
}

void deps_fini(struct deps *d)
{
    while (d->first != NULL) {
        struct deps_object *o = d->first;
        d->first = o->next;
        executable_fini(&o->elf);
        free(o->path);
        free(o);
    }
    ldcache_close(&d->cache);
    words_fini(&d->folders);
}

/* Append an object, unless the place is known. Takes ownership of elf's contents. */
static void add_object(struct deps *d, const char *path, struct executable *elf,
                       const struct deps_object *loader)
{
    for (const struct deps_object *o = d->first; o != NULL; o = o->next) {
        if (strcmp(o->path, path) == 0) {
            executable_fini(elf);
            return;
        }
    }
    struct deps_object *o = calloc(1, sizeof(*o));
    if (o == NULL) {
        report_no_memory();
    }
    *o = (struct deps_object){text_copy(path), *elf, loader, NULL};
    *(d->last != NULL ? &d->last->next : &d->first) = o;
    d->last = o;
}

static bool is_known(const struct deps *d, const char *name)
{
    for (const struct deps_object *o = d->first; o != NULL; o = o->next) {
        if (strcmp(strrchr(o->path, '/') + 1, name) == 0 ||
            (o->elf.soname != NULL && strcmp(o->elf.soname, name) == 0)) {
            return true;
        }
    }
    if (!d->musl || strncmp(name, "lib", 3) != 0) {
        return false;
    }
    for (size_t i = 0; i < COUNT(musl_own); i++) {
        if (strncmp(name + 3, musl_own[i], strlen(musl_own[i])) == 0) {
            return true;
        }
    }
    return false;
}

/* Take the library at path if there is a fit one. */
static bool take(struct deps *d, const char *path, const struct deps_object *loader)
{
    char *source = tree_locate(d->tree, path);
    struct executable elf;
    bool fit = source != NULL && executable_read(source, &elf, NULL) == EXECUTABLE_OK;
    free(source);
    if (!fit) {
        return false;
    }
    (void)tree_add_host(d->tree, path);
    const struct tree_node *node = tree_find(d->tree, path);
    if (node == NULL) {
        executable_fini(&elf);
        return false;
    }
    add_object(d, node->path, &elf, loader);
    return true;
}

static bool take_from(struct deps *d, const char *folder, const char *name,
                      const struct deps_object *loader)
{
    bool found = false;
    size_t n = d->musl ? 1 : COUNT(variants);
    for (size_t i = 0; i < n; i++) {
        char *path = text_format("%s/%s%s", folder, variants[i], name);
        found |= take(d, path, loader);
        free(path);
    }
    return found;
}

/* Where a variable of a search path stands for something, its value; the name's length in *len. */
static const char *variable(const char *at, const char *origin, bool musl, size_t *len)
{
    const char *const names[] = {"ORIGIN", "LIB", "PLATFORM"};
    const char *const values[] = {origin, "lib/x86_64-linux-gnu", "x86_64"};
    bool braces = at[1] == '{';
    const char *name = at + 1 + braces;
    for (size_t i = 0; i < (musl ? 1 : COUNT(names)); i++) {
        size_t n = strlen(names[i]);
        if (strncmp(name, names[i], n) == 0 && (!braces || name[n] == '}')) {
            *len = 1 + n + 2 * braces;
            return values[i];
        }
    }
    return NULL;
}

/* One folder of a search path with $ORIGIN and the like filled in. The caller frees it. */
static char *expand(const struct deps *d, const char *folder, const char *object)
{
    char *copy = text_copy(object);
    const char *origin = dirname(copy);
    struct text out = {0};
    while (*folder != '\0') {
        size_t len = 0;
        const char *value = *folder == '$' ? variable(folder, origin, d->musl, &len) : NULL;
        if (value != NULL) {
            text_add_string(&out, value);
            folder += len;
        } else {
            text_add(&out, folder++, 1);
        }
    }
    free(copy);
    return out.data;
}

/* Search a list like that of RPATH; object is whose $ORIGIN counts. Folders relative to the current
 * directory are not searched: the guest's is not known to be the caller's. */
static bool take_from_path(struct deps *d, const char *list, const char *object, const char *name,
                           const struct deps_object *loader)
{
    struct words folders = {0};
    bool found = false;
    words_split(&folders, list != NULL ? list : "", ":;");
    for (size_t i = 0; i < folders.count && !found; i++) {
        char *folder = expand(d, folders.items[i], object);
        found = *folder == '/' && take_from(d, folder, name, loader);
        free(folder);
    }
    words_fini(&folders);
    return found;
}

static bool take_from_folders(struct deps *d, const char *name, const struct deps_object *loader)
{
    for (size_t i = 0; i < d->folders.count; i++) {
        if (take_from(d, d->folders.items[i], name, loader)) {
            return true;
        }
    }
    return false;
}

/* All builds of the library that the cache knows: which one is right depends on the processor. */
static bool take_from_cache(struct deps *d, const char *name, const struct deps_object *loader)
{
    struct words paths = {0};
    bool found = false;
    ldcache_find(&d->cache, name, &paths);
    for (size_t i = 0; i < paths.count; i++) {
        found |= take(d, paths.items[i], loader);
    }
    words_fini(&paths);
    return found;
}

static bool take_glibc(struct deps *d, const char *name, const struct deps_object *by)
{
    bool found = false;
    for (const struct deps_object *o = by; o != NULL && by->elf.runpath == NULL && !found;
         o = o->loader) {
        if (o->elf.runpath == NULL) {
            found = take_from_path(d, o->elf.rpath, o->path, name, by);
        }
    }
    const char *own = by != NULL ? by->path : "/";
    return found || take_from_path(d, d->library_path, own, name, by) ||
           (by != NULL && take_from_path(d, by->elf.runpath, own, name, by)) ||
           take_from_cache(d, name, by) || take_from_folders(d, name, by);
}

static bool take_musl(struct deps *d, const char *name, const struct deps_object *by)
{
    bool found = take_from_path(d, d->library_path, by != NULL ? by->path : "/", name, by);
    for (const struct deps_object *o = by; o != NULL && !found; o = o->loader) {
        const char *list = o->elf.runpath != NULL ? o->elf.runpath : o->elf.rpath;
        found = take_from_path(d, list, o->path, name, by);
    }
    return found || take_from_folders(d, name, by);
}

static bool take_needed(struct deps *d, const char *name, const struct deps_object *by)
{
    if (strchr(name, '/') != NULL) {
        return *name == '/' && take(d, name, by);
    }
    return is_known(d, name) || (d->musl ? take_musl : take_glibc)(d, name, by);
}

/* Follow DT_NEEDED from object o on to the end of the list. */
static int close_over(struct deps *d, struct deps_object *o, bool complete)
{
    for (; o != NULL; o = o->next) {
        for (size_t i = 0; i < o->elf.needed.count; i++) {
            const char *name = o->elf.needed.items[i];
            if (take_needed(d, name, o)) {
                continue;
            }
            if (complete) {
                return report_error(STATUS_NOT_FOUND,
                                    "%s needs the library %s, which was not found", o->path, name);
            }
            report_detail("%s needs the library %s, which was not found", o->path, name);
        }
    }
    return 0;
}

/* musl's folders are those of /etc/ld-musl-x86_64.path, separated by newlines or colons. */
static void read_musl_folders(struct deps *d, const char *interpreter)
{
    const char *base = strrchr(interpreter, '/') + 1;
    char *path = text_format("/etc/%.*s.path", (int)strcspn(base, "."), base);
    char *source = tree_locate(d->tree, path);
    struct ldcache file = {0};
    if (source != NULL) {
        (void)tree_add_host(d->tree, path);
        ldcache_open(&file, source);
    }
    if (file.data != NULL) {
        words_split(&d->folders, file.data, ":\n");
    }
    for (size_t i = 0; file.data == NULL && i < COUNT(musl_folders); i++) {
        words_add(&d->folders, musl_folders[i]);
    }
    ldcache_close(&file);
    free(source);
    free(path);
}

static void read_glibc_folders(struct deps *d)
{
    char *source = tree_locate(d->tree, CACHE_PATH);
    if (source != NULL) {
        (void)tree_add_host(d->tree, CACHE_PATH);
        ldcache_open(&d->cache, source);
    }
    free(source);
    for (size_t i = 0; i < COUNT(glibc_folders); i++) {
        words_add(&d->folders, glibc_folders[i]);
    }
}

static int add_interpreter(struct deps *d, const char *program, const char *interpreter)
{
    const char *why = NULL;
    struct executable elf;
    char *source = *interpreter == '/' ? tree_locate(d->tree, interpreter) : NULL;
    if (source == NULL) {
        return report_error(STATUS_NOT_FOUND, "%s needs the interpreter %s, which was not found",
                            program, interpreter);
    }
    enum executable_verdict verdict = executable_read(source, &elf, &why);
    free(source);
    if (verdict != EXECUTABLE_OK) {
        return report_error(STATUS_NOT_EXECUTABLE, "%s: its interpreter %s %s", program,
                            interpreter, why);
    }
    (void)tree_add_host(d->tree, interpreter);
    const struct tree_node *node = tree_find(d->tree, interpreter);
    add_object(d, node != NULL ? node->path : interpreter, &elf, NULL);
    d->musl = strncmp(strrchr(interpreter, '/') + 1, MUSL_PREFIX, strlen(MUSL_PREFIX)) == 0;
    return 0;
}

int deps_add_program(struct deps *d, const char *path, const struct executable *e)
{
    if (e->interpreter == NULL) {
        return 0;
    }
    int status = add_interpreter(d, path, e->interpreter);
    if (status != 0) {
        return status;
    }
    if (d->musl) {
        read_musl_folders(d, e->interpreter);
    } else {
        read_glibc_folders(d);
    }
    struct executable copy;
    char *source = tree_locate(d->tree, path);
    enum executable_verdict verdict = executable_read(source, &copy, NULL);
    free(source);
    if (verdict != EXECUTABLE_OK) {
        return STATUS_NOT_EXECUTABLE; /* not reached unless the file changed under us */
    }
    /* $ORIGIN is the folder of the program itself, not that of a link to it. */
    const struct tree_node *node = tree_find(d->tree, path);
    add_object(d, node != NULL ? node->path : path, &copy, NULL);
    return close_over(d, d->last, d->complete);
}

void deps_add_library(struct deps *d, const char *name)
{
    struct deps_object *last = d->last;
    if (last != NULL && take_needed(d, name, NULL)) {
        (void)close_over(d, last->next, false);
    }
}

void deps_add_object(struct deps *d, const char *path)
{
    struct deps_object *last = d->last;
    for (const struct deps_object *o = d->first; o != NULL; o = o->next) {
        if (strcmp(o->path, path) == 0) {
            return;
        }
    }
    if (last != NULL && take(d, path, NULL)) {
        (void)close_over(d, last->next, false);
    }
}
