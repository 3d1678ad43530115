/* SPDX-License-Identifier: MIT */
/* Puts the guest's root together: folders that programs expect, what --add names, the program with
 * its libraries, and the configuration. --add comes first, so that it wins.
 * Source: hier(7); the help text in options.c is the contract. */
#include "tools/elfin/rootfs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/elfin/companions.h"
#include "tools/elfin/deps.h"
#include "tools/elfin/guestconfig.h"
#include "tools/elfin/program.h"
#include "tools/elfin/report.h"

#define GUEST_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

static const struct {
    const char *path;
    mode_t mode;
} folders[] = {
    {"/dev", 0755},     {"/proc", 0555},    {"/sys", 0555},       {"/tmp", 01777},
    {"/run", 0755},     {"/root", 0700},    {"/var/tmp", 01777},  {"/run/lock", 01777},
    {"/var/lib", 0755}, {"/var/log", 0755}, {"/var/cache", 0755},
};

/* Files of the host that C libraries look at, and the older names of folders, links on Debian. */
static const char *const host_files[] = {
    "/etc/passwd",    "/etc/group",     "/etc/nsswitch.conf", "/etc/services",
    "/etc/protocols", "/etc/localtime", "/var/run",           "/var/lock",
};

static const char *default_env[][2] = {{"PATH", GUEST_PATH}, {"HOME", "/root"}, {"TERM", "dumb"}};

/* The last value of name, or NULL. */
static const char *env_get(const struct words *env, const char *name)
{
    size_t len = strlen(name);
    for (size_t i = env->count; i-- != 0;) {
        if (strncmp(env->items[i], name, len) == 0 && env->items[i][len] == '=') {
            return env->items[i] + len + 1;
        }
    }
    return NULL;
}

/* What the program will see: what -e gives, the last of equal names, and the defaults. */
static void make_env(const struct run_options *o, struct words *out)
{
    for (size_t i = 0; i < sizeof(default_env) / sizeof(default_env[0]); i++) {
        const char *name = default_env[i][0];
        const char *host = strcmp(name, "TERM") == 0 && isatty(STDIN_FILENO) ? getenv(name) : NULL;
        if (env_get(&o->env, name) == NULL) {
            words_add_format(out, "%s=%s", name, host != NULL ? host : default_env[i][1]);
        }
    }
    for (size_t i = 0; i < o->env.count; i++) {
        const char *item = o->env.items[i];
        char *name = text_copy_part(item, strcspn(item, "="));
        if (env_get(&o->env, name) == strchr(item, '=') + 1) {
            words_add(out, item);
        }
        free(name);
    }
}

static int check_root(const char *root)
{
    struct stat st;
    if (stat(root, &st) != 0) {
        return report_error(STATUS_OWN_ERROR, "--root %s: %s", root, strerror(errno));
    }
    return S_ISDIR(st.st_mode) ? 0
                               : report_error(STATUS_OWN_ERROR, "--root %s: not a folder", root);
}

/* "HOSTPATH:GUESTPATH"; a host path with a colon in it that exists is meant as a whole. */
static int add_one(struct tree *t, const char *text, const char *cwd)
{
    const char *colon = strrchr(text, ':');
    bool whole = colon == NULL || access(text, F_OK) == 0;
    char *source = text_copy_part(text, whole ? strlen(text) : (size_t)(colon - text));
    char *path = !whole           ? text_copy(colon + 1)
                 : *source == '/' ? text_copy(source)
                                  : text_format("%s/%s", cwd, source);
    int status;
    if (*path != '/') {
        status = report_error(STATUS_OWN_ERROR, "--add %s: %s is not an absolute path", text,
                              *path == '\0' ? "the guest's path" : path);
    } else {
        status = tree_add_copy(t, source, path);
    }
    free(source);
    free(path);
    return status;
}

static int add_all(struct tree *t, const struct run_options *o, const char *cwd)
{
    int status = 0;
    for (size_t i = 0; i < o->add.count && status == 0; i++) {
        status = add_one(t, o->add.items[i], cwd);
    }
    return status;
}

/* What the kernel in the guest has of its own. */
static bool is_guests_own(const char *path)
{
    static const char *const own[] = {"/dev/",      "/proc/",        "/sys/",
                                      "/etc/hosts", "/etc/hostname", "/etc/resolv.conf"};
    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
        size_t len = strlen(own[i]);
        if (strncmp(path, own[i], len) == 0 && (own[i][len - 1] == '/' || path[len] == '\0')) {
            return true;
        }
    }
    return false;
}

/* Files of the host that arguments name. */
static void add_arguments(struct tree *t, const struct words *args, const char *cwd)
{
    struct stat st;
    for (size_t i = 1; i < args->count; i++) {
        const char *arg = args->items[i];
        char *path = *arg == '/' ? text_copy(arg) : text_format("%s/%s", cwd, arg);
        if (*arg != '\0' && !is_guests_own(path) && stat(path, &st) == 0 && S_ISREG(st.st_mode) &&
            tree_find(t, path) == NULL && tree_add_host(t, path) == 0) {
            report_detail("argument %s: the file is in the guest", arg);
        }
        free(path);
    }
}

static void add_standard(struct tree *t, bool from_host)
{
    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
        (void)tree_add_directory(t, folders[i].path, folders[i].mode);
    }
    for (size_t i = 0; from_host && i < sizeof(host_files) / sizeof(host_files[0]); i++) {
        (void)tree_add_host(t, host_files[i]);
    }
}

static int add_program(struct tree *t, const struct run_options *o, const struct words *env,
                       const char *cwd, struct program *out)
{
    const char *path = o->root == NULL ? getenv("PATH") : env_get(env, "PATH");
    int status = program_find(t, o->args.items[0], path != NULL ? path : GUEST_PATH, cwd, out);
    if (status != 0) {
        return status;
    }
    struct deps d;
    deps_init(&d, t, env_get(env, "LD_LIBRARY_PATH"), o->root == NULL);
    status = deps_add_program(&d, out->path, &out->elf);
    if (status == 0 && !d.musl && out->elf.interpreter != NULL) {
        deps_add_library(&d, "libgcc_s.so.1"); /* glibc loads it to unwind a cancelled thread */
    }
    if (status == 0 && o->root == NULL) {
        const struct tree_node *node = tree_find(t, out->path);
        status = companions_add(&d, node != NULL ? node->path : out->path);
    }
    deps_fini(&d);
    return status;
}

static int plan(struct tree *t, const struct run_options *o, const char *cwd,
                const struct words *env, struct text *config)
{
    struct program program = {0};
    int status = o->root != NULL ? tree_add_copy(t, o->root, "/") : 0;
    status = status == 0 ? add_all(t, o, cwd) : status;
    add_standard(t, o->root == NULL);
    status = status == 0 ? add_program(t, o, env, cwd, &program) : status;
    if (status != 0) {
        return status;
    }
    const char *start = o->cwd != NULL ? o->cwd : o->root != NULL ? "/" : cwd;
    if (o->root == NULL) {
        add_arguments(t, &o->args, cwd);
        (void)tree_add_directory(t, start, 0755);
    }
    struct guestconfig c = {program.path, start, &o->args, env, !o->no_rewrite, o->stats};
    guestconfig_write(&c, config);
    net_describe(&o->net, config);
    program_fini(&program);
    return 0;
}

int rootfs_plan(struct tree *t, const struct run_options *o, struct text *config)
{
    int status = o->root != NULL ? check_root(o->root) : 0;
    tree_init(t, o->root != NULL && status == 0 ? o->root : "/");
    t->open = t->open && o->root == NULL;
    char *cwd = getcwd(NULL, 0);
    struct words env = {0};
    make_env(o, &env);
    if (status == 0 && cwd == NULL) {
        status = report_error(STATUS_OWN_ERROR, "the current directory: %s", strerror(errno));
    }
    status = status == 0 ? plan(t, o, cwd, &env, config) : status;
    words_fini(&env);
    free(cwd);
    return status;
}
