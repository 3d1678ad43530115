/* SPDX-License-Identifier: MIT */
/* Owns the tool's string lists and text buffers; one place where memory can run out. */
#include "tools/elfin/words.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/elfin/report.h"

/* Takes ownership of word. */
static void append(struct words *w, char *word)
{
    char **items = reallocarray(w->items, w->count + 2, sizeof(*items));
    if (items == NULL) {
        report_no_memory();
    }
    items[w->count++] = word;
    items[w->count] = NULL;
    w->items = items;
}

static char *format_string(const char *format, va_list args)
{
    char *result;
    if (vasprintf(&result, format, args) < 0) {
        report_no_memory();
    }
    return result;
}

void words_add(struct words *w, const char *word)
{
    append(w, text_copy(word));
}

void words_add_format(struct words *w, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    append(w, format_string(format, args));
    va_end(args);
}

void words_split(struct words *w, const char *text, const char *separators)
{
    while (*text != '\0') {
        size_t len = strcspn(text, separators);
        if (len != 0) {
            append(w, text_copy_part(text, len));
        }
        text += len + (text[len] != '\0');
    }
}

bool words_contain(const struct words *w, const char *word)
{
    for (size_t i = 0; i < w->count; i++) {
        if (strcmp(w->items[i], word) == 0) {
            return true;
        }
    }
    return false;
}

void words_fini(struct words *w)
{
    for (size_t i = 0; i < w->count; i++) {
        free(w->items[i]);
    }
    free(w->items);
    *w = (struct words){0};
}

void text_add(struct text *t, const char *bytes, size_t len)
{
    char *data = realloc(t->data, t->len + len + 1);
    if (data == NULL) {
        report_no_memory();
    }
    memcpy(data + t->len, bytes, len);
    t->data = data;
    t->len += len;
    data[t->len] = '\0';
}

void text_add_string(struct text *t, const char *string)
{
    text_add(t, string, strlen(string));
}

void text_add_format(struct text *t, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *part = format_string(format, args);
    va_end(args);
    text_add_string(t, part);
    free(part);
}

void text_fini(struct text *t)
{
    free(t->data);
    *t = (struct text){0};
}

char *text_format(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *result = format_string(format, args);
    va_end(args);
    return result;
}

char *text_copy(const char *string)
{
    return string == NULL ? NULL : text_copy_part(string, strlen(string));
}

char *text_copy_part(const char *string, size_t len)
{
    char *copy = strndup(string, len);
    if (copy == NULL) {
        report_no_memory();
    }
    return copy;
}
