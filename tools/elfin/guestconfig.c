/* SPDX-License-Identifier: MIT */
/* Writer of the boot configuration: one key=value a line, newline and backslash escaped.
 * Source: loader/config.h. */
#include "tools/elfin/guestconfig.h"

#include <string.h>

static void add_line(struct text *out, const char *key, const char *value)
{
    text_add_string(out, key);
    text_add(out, "=", 1);
    while (*value != '\0') {
        size_t plain = strcspn(value, "\\\n");
        text_add(out, value, plain);
        value += plain;
        if (*value != '\0') {
            text_add_string(out, *value == '\n' ? "\\n" : "\\\\");
            value++;
        }
    }
    text_add(out, "\n", 1);
}

static void add_lines(struct text *out, const char *key, const struct words *values)
{
    for (size_t i = 0; i < values->count; i++) {
        add_line(out, key, values->items[i]);
    }
}

void guestconfig_write(const struct guestconfig *c, struct text *out)
{
    add_line(out, "exec", c->exec);
    add_line(out, "cwd", c->cwd);
    add_lines(out, "arg", c->args);
    add_lines(out, "env", c->env);
    add_line(out, "rewrite", c->rewrite ? "1" : "0");
    add_line(out, "stats", c->stats ? "1" : "0");
}
