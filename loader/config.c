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

/* What may stand in a line of /etc/resolv.conf. */
static bool is_printable(const char *value, bool blanks)
{
    bool ok = value[0] != '\0';
    for (; *value != '\0' && ok; value++) {
        ok = (*value > ' ' && *value < 0x7f) || (blanks && *value == ' ');
    }
    return ok;
}

static int store_search(void *field, char *value)
{
    if (!is_printable(value, true)) {
        heap_free(value);
        return -EINVAL;
    }
    return store_string(field, value);
}

static int store_mode(void *field, char *value)
{
    static const char *const names[] = {
        [CONFIG_NET_NONE] = "none", [CONFIG_NET_STATIC] = "static", [CONFIG_NET_DHCP] = "dhcp"};
    int err = -EINVAL;
    for (unsigned i = 0; i < ARRAY_LEN(names); i++) {
        if (strcmp(value, names[i]) == 0) {
            *(enum config_net_mode *)field = (enum config_net_mode)i;
            err = 0;
        }
    }
    heap_free(value);
    return err;
}

/* The table says how many there may be. */
static int store_address(void *field, char *value)
{
    struct config_list *list = field;
    if (!is_printable(value, false) || list->n == CONFIG_LIST_MAX) {
        heap_free(value);
        return -EINVAL;
    }
    list->item[list->n++] = value;
    return 0;
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

#define ANY UINT32_MAX

static const struct key {
    const char *name;
    size_t field; /* offset in struct config */
    store_fn store;
    unsigned lines; /* at most */
} keys[] = {
    {"exec", offsetof(struct config, exec), store_path, 1},
    {"arg", offsetof(struct config, args), store_arg, ANY},
    {"env", offsetof(struct config, env), store_env, ANY},
    {"cwd", offsetof(struct config, cwd), store_path, 1},
    {"hostname", offsetof(struct config, hostname), store_hostname, 1},
    {"rewrite", offsetof(struct config, rewrite), store_bool, 1},
    {"stats", offsetof(struct config, stats), store_bool, 1},
    {"uid", offsetof(struct config, uid), store_u32, 1},
    {"gid", offsetof(struct config, gid), store_u32, 1},
    {"stack", offsetof(struct config, stack_limit), store_u64, 1},
    {"net", offsetof(struct config, net.mode), store_mode, 1},
    {"ip", offsetof(struct config, net.ip), store_address, CONFIG_LIST_MAX},
    {"gw", offsetof(struct config, net.gw), store_address, 2},
    {"dns", offsetof(struct config, net.dns), store_address, 3},
    {"search", offsetof(struct config, net.search), store_search, 1},
};

struct parser {
    struct config *out;
    unsigned seen[ARRAY_LEN(keys)]; /* lines of each key */
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
    unsigned *seen = &p->seen[key - keys];
    if (*seen == key->lines) {
        return -EINVAL;
    }
    *seen += 1;
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

static void clear_list(struct config_list *list)
{
    while (list->n != 0) {
        heap_free(list->item[--list->n]);
    }
}

const char *const config_overrides[] = {"hostname", "net", "ip", "gw", "dns", "search", NULL};

/* Store a copy of value[len] under key. */
static int store_part(struct config *c, const struct key *key, const char *value, size_t len)
{
    char *copy = heap_alloc(len + 1);
    if (copy == NULL) {
        return -ENOMEM;
    }
    memcpy(copy, value, len);
    copy[len] = '\0';
    return key->store((char *)c + key->field, copy);
}

/* The domains of a search list have blanks between them. */
static int override_search(struct config *c, const struct key *key, const char *value)
{
    heap_free(c->net.search);
    c->net.search = NULL;
    if (*value == '\0') {
        return 0;
    }
    int err = store_part(c, key, value, strlen(value));
    for (char *p = c->net.search; err == 0 && (p = strchr(p, ',')) != NULL;) {
        *p = ' ';
    }
    return err;
}

static int override_list(struct config *c, const struct key *key, const char *value)
{
    struct config_list *list = (void *)((char *)c + key->field);
    int err = 0;
    clear_list(list);
    for (bool more = *value != '\0'; more && err == 0;) {
        const char *comma = strchr(value, ',');
        size_t len = comma != NULL ? (size_t)(comma - value) : strlen(value);
        err = list->n < key->lines ? store_part(c, key, value, len) : -EINVAL;
        more = comma != NULL;
        value += len + more;
    }
    return err;
}

int config_override(struct config *c, const char *name, const char *value)
{
    for (const struct key *key = keys; key != keys + ARRAY_LEN(keys); key++) {
        if (strcmp(key->name, name) != 0) {
            continue;
        }
        if (key->store == store_search) {
            return override_search(c, key, value);
        }
        return key->store == store_address ? override_list(c, key, value)
                                           : store_part(c, key, value, strlen(value));
    }
    return -EINVAL;
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
    clear_list(&c->net.ip);
    clear_list(&c->net.gw);
    clear_list(&c->net.dns);
    heap_free(c->net.search);
    memset(c, 0, sizeof(*c));
}
