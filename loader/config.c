/* SPDX-License-Identifier: MIT */
/* The boot configuration.
 *
 * Owns the parser of the configuration. One table names the keys; a value is decoded into a heap
 * string first and then stored by its kind. The text comes from the image and is not trusted.
 * Invariant: out is destroyable at any time, so an error needs one config_destroy.
 *
 * Source: loader/config.h. */
#include "loader/config.h"

#include <asm/errno.h>

#include "kernel/base/string.h"
#include "kernel/heap.h"

#define HOSTNAME_MAX 64 /* __NEW_UTS_LEN */
#define DEFAULT_STACK (8UL << 20)
#define LIST_MIN 16 /* first size of a list, a power of two */

struct parser {
    struct config *out;
    unsigned seen; /* bit per key of the table */
};

/* Each takes over value (heap). Returns 0, -EINVAL, -ENOMEM. */
typedef int (*store_fn)(void *field, char *value);

static int store_string(void *field, char *value)
{
    char **to = field;
    heap_free(*to);
    *to = value;
    return 0;
}

static int store_path(void *field, char *value)
{
    if (value[0] != '/') {
        heap_free(value);
        return -EINVAL;
    }
    return store_string(field, value);
}

static int store_hostname(void *field, char *value)
{
    size_t len = strlen(value);
    if (len == 0 || len > HOSTNAME_MAX) {
        heap_free(value);
        return -EINVAL;
    }
    return store_string(field, value);
}

static int store_u64(void *field, char *value)
{
    int err = string_to_u64(value, field);
    heap_free(value);
    return err == 0 ? 0 : -EINVAL;
}

static int store_u32(void *field, char *value)
{
    uint64_t n;
    int err = store_u64(&n, value);
    if (err != 0 || n >= UINT32_MAX) { /* -1 means "unchanged" to setreuid(2) and is no id */
        return -EINVAL;
    }
    *(uint32_t *)field = (uint32_t)n;
    return 0;
}

static int store_bool(void *field, char *value)
{
    bool ok = (value[0] == '0' || value[0] == '1') && value[1] == '\0';
    *(bool *)field = value[0] == '1';
    heap_free(value);
    return ok ? 0 : -EINVAL;
}

/* Append value to the NULL-ended list of *n entries. The list has room for LIST_MIN entries, or for
 * the next power of two above *n. */
static int append(char ***list, unsigned *n, char *value)
{
    size_t used = (size_t)*n + 1;
    if (used >= LIST_MIN && (used & (used - 1)) == 0) {
        char **more = heap_resize(*list, 2 * used * sizeof(char *));
        if (more == NULL) {
            heap_free(value);
            return -ENOMEM;
        }
        *list = more;
    }
    (*list)[(*n)++] = value;
    (*list)[*n] = NULL;
    return 0;
}

static int store_arg(void *field, char *value)
{
    struct config *c = container_of(field, struct config, args);
    return append(&c->args, &c->nargs, value);
}

static int store_env(void *field, char *value)
{
    struct config *c = container_of(field, struct config, env);
    return append(&c->env, &c->nenv, value);
}

static const struct key {
    const char *name;
    size_t field; /* offset in struct config */
    store_fn store;
    bool repeats;
} keys[] = {
    {"exec", offsetof(struct config, exec), store_path, false},
    {"arg", offsetof(struct config, args), store_arg, true},
    {"env", offsetof(struct config, env), store_env, true},
    {"cwd", offsetof(struct config, cwd), store_path, false},
    {"hostname", offsetof(struct config, hostname), store_hostname, false},
    {"rewrite", offsetof(struct config, rewrite), store_bool, false},
    {"stats", offsetof(struct config, stats), store_bool, false},
    {"uid", offsetof(struct config, uid), store_u32, false},
    {"gid", offsetof(struct config, gid), store_u32, false},
    {"stack", offsetof(struct config, stack_limit), store_u64, false},
};

/* The byte that backslash c stands for, NUL when there is no such escape. */
static char unescape(char c)
{
    if (c == 'n') {
        return '\n';
    }
    return c == '\\' ? '\\' : '\0';
}

/* Undo the escapes of text[len] into a fresh string. Returns 0, -EINVAL, -ENOMEM. */
static int decode(const char *text, size_t len, char **out)
{
    char *value = heap_alloc(len + 1);
    size_t n = 0;

    if (value == NULL) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        if (c == '\\') {
            i++;
            c = (char)(i < len ? unescape(text[i]) : '\0');
        }
        if (c == '\0') {
            heap_free(value);
            return -EINVAL;
        }
        value[n++] = c;
    }
    value[n] = '\0';
    *out = value;
    return 0;
}

/* The key that line[len] starts with, followed by '='; NULL when there is none. */
static const struct key *find_key(const char *line, size_t len)
{
    for (unsigned i = 0; i < ARRAY_LEN(keys); i++) {
        size_t n = strlen(keys[i].name);
        if (len > n && line[n] == '=' && memcmp(line, keys[i].name, n) == 0) {
            return &keys[i];
        }
    }
    return NULL;
}

static int parse_line(struct parser *p, const char *line, size_t len)
{
    const struct key *key = find_key(line, len);
    char *value;

    if (key == NULL) {
        return -EINVAL;
    }
    unsigned bit = 1U << (key - keys);
    if (!key->repeats && (p->seen & bit) != 0) {
        return -EINVAL;
    }
    p->seen |= bit;
    size_t skip = strlen(key->name) + 1;
    int err = decode(line + skip, len - skip, &value);
    if (err != 0) {
        return err;
    }
    return key->store((char *)p->out + key->field, value);
}

static char *copy_string(const char *s)
{
    size_t size = strlen(s) + 1;
    char *copy = heap_alloc(size);
    return copy == NULL ? NULL : memcpy(copy, s, size);
}

/* Defaults, so that lists and strings are never NULL. */
static int set_defaults(struct config *c)
{
    memset(c, 0, sizeof(*c));
    c->rewrite = true;
    c->stack_limit = DEFAULT_STACK;
    c->cwd = copy_string("/");
    c->hostname = copy_string("elfin");
    c->args = heap_zalloc(LIST_MIN * sizeof(char *));
    c->env = heap_zalloc(LIST_MIN * sizeof(char *));
    bool ok = c->cwd != NULL && c->hostname != NULL && c->args != NULL && c->env != NULL;
    return ok ? 0 : -ENOMEM;
}

int config_parse(const char *text, size_t len, struct config *out, unsigned *bad_line)
{
    struct parser p = {.out = out};
    unsigned line = 1;
    int err = set_defaults(out);

    for (size_t at = 0; at < len && err == 0; line++) {
        const char *end = memchr(text + at, '\n', len - at);
        size_t n = end == NULL ? len - at : (size_t)(end - (text + at));
        err = parse_line(&p, text + at, n);
        if (err != 0) {
            break;
        }
        at += n + 1;
    }
    if (err == 0 && out->exec == NULL) {
        err = -EINVAL;
    }
    *bad_line = line;
    if (err != 0) {
        config_destroy(out);
    }
    return err;
}

static void free_list(char **list, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        heap_free(list[i]);
    }
    heap_free(list);
}

void config_destroy(struct config *c)
{
    heap_free(c->exec);
    heap_free(c->cwd);
    heap_free(c->hostname);
    free_list(c->args, c->nargs);
    free_list(c->env, c->nenv);
    memset(c, 0, sizeof(*c));
}
