/* SPDX-License-Identifier: MIT */
/* Growing lists of strings and growing text. Running out of memory ends the tool
 * (report_no_memory), so none of these fail. */
#ifndef TOOLS_ELFIN_WORDS_H
#define TOOLS_ELFIN_WORDS_H

#include <stdbool.h>
#include <stddef.h>

struct words {
    char **items; /* array of count strings and a NULL; NULL while empty */
    size_t count;
};

/* words_add: append a copy of word. */
void words_add(struct words *w, const char *word);
/* words_add_format: append what printf would print. */
void words_add_format(struct words *w, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* words_split: append the parts of text between any of the separators; empty parts are dropped. */
void words_split(struct words *w, const char *text, const char *separators);
bool words_contain(const struct words *w, const char *word);
void words_fini(struct words *w);

struct text {
    char *data; /* NUL-ended once anything was added */
    size_t len; /* without the NUL */
};

void text_add(struct text *t, const char *bytes, size_t len);
void text_add_string(struct text *t, const char *string);
void text_add_format(struct text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_fini(struct text *t);

/* text_format: what printf would print, as a string the caller frees. */
char *text_format(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* text_copy: a copy of string, or of its first len bytes; NULL stays NULL. The caller frees it. */
char *text_copy(const char *string);
char *text_copy_part(const char *string, size_t len);

#endif
