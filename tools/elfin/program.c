/* SPDX-License-Identifier: MIT */
/* The search for a program, with the statuses that a shell gives.
 * Source: execvp(3); env(1) for 126 and 127. */
#include "tools/elfin/program.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/elfin/report.h"

/* A place to try. Returns 0 with *out, EACCES if there is a file that must not be run, or
 * ENOENT. */
static int try_place(struct tree *t, const char *path, char **out)
{
    struct stat st;
    char *source = tree_locate(t, path);
    if (source == NULL || stat(source, &st) != 0 || !S_ISREG(st.st_mode)) {
        free(source);
        return ENOENT;
    }
    free(source);
    if ((st.st_mode & 0111) == 0) {
        return EACCES;
    }
    *out = text_copy(path);
    return 0;
}

static int search(struct tree *t, const char *name, const char *search_path, char **out)
{
    struct words folders = {0};
    int result = ENOENT;
    words_split(&folders, search_path, ":");
    for (size_t i = 0; i < folders.count && *out == NULL; i++) {
        char *path = text_format("%s/%s", folders.items[i], name);
        int err = *path == '/' ? try_place(t, path, out) : ENOENT;
        result = err != ENOENT ? err : result;
        free(path);
    }
    words_fini(&folders);
    return *out != NULL ? 0 : result;
}

static int report_missing(struct tree *t, const char *name, const char *path, int err)
{
    if (err == EACCES) {
        return report_error(STATUS_NOT_EXECUTABLE,
                            "%s: permission denied: it is not marked executable", name);
    }
    const struct tree_node *node = path != NULL ? tree_find(t, path) : NULL;
    if (node != NULL && S_ISDIR(node->st.st_mode)) {
        return report_error(STATUS_NOT_EXECUTABLE, "%s is a directory", name);
    }
    return report_error(STATUS_NOT_FOUND,
                        path != NULL ? "%s: no such file" : "%s: not found on PATH", name);
}

int program_find(struct tree *t, const char *name, const char *search_path, const char *cwd,
                 struct program *out)
{
    *out = (struct program){0};
    const char *below = name; /* "./x" makes a tidier absolute path as "x" */
    while (strncmp(below, "./", 2) == 0) {
        below += 2;
    }
    char *path = strchr(name, '/') == NULL ? NULL
                 : *name == '/'            ? text_copy(name)
                                           : text_format("%s/%s", cwd, below);
    int err =
        path != NULL ? try_place(t, path, &out->path) : search(t, name, search_path, &out->path);
    if (err != 0) {
        int status = report_missing(t, name, path, err);
        free(path);
        return status;
    }
    free(path);
    char *source = tree_locate(t, out->path);
    const char *why;
    enum executable_verdict verdict = executable_read(source, &out->elf, &why);
    free(source);
    if (verdict != EXECUTABLE_OK) {
        int status = report_error(STATUS_NOT_EXECUTABLE, "%s %s", out->path, why);
        program_fini(out);
        return status;
    }
    err = tree_add_host(t, out->path);
    if (err != 0 && tree_find(t, out->path) == NULL) {
        program_fini(out);
        return report_error(STATUS_OWN_ERROR, "%s: %s", name, strerror(-err));
    }
    return 0;
}

void program_fini(struct program *p)
{
    free(p->path);
    executable_fini(&p->elf);
    *p = (struct program){0};
}
