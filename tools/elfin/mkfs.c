/* SPDX-License-Identifier: MIT */
/* The command line of mkfs.erofs, and its one process. What it says goes to a file without a name;
 * the first line of that explains a failure.
 * Source: mkfs.erofs(1) of erofs-utils 1.5; posix_spawn(3). */
#include "tools/elfin/mkfs.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/elfin/report.h"
#include "tools/elfin/words.h"

#define PROGRAM "mkfs.erofs"
#define SAID_MAX 512

static void make_command(const char *folder, const char *image, struct words *out)
{
    static const char *const fixed[] = {
        PROGRAM,
        "--quiet",
        "-x-1", /* no extended attributes: the guest has none */
        "-Enoinline_data", /* the end of a file gets a block too, so that it can be mapped */
        "--preserve-mtime",
    };
    for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++) {
        words_add(out, fixed[i]);
    }
    if (geteuid() != 0) {
        words_add(out, "--all-root");
    }
    words_add(out, image);
    words_add(out, folder);
}

/* Returns 0 or an errno. */
static int spawn(const struct interrupt *h, const struct words *command, int said, pid_t *pid)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_init(&files);
    posix_spawnattr_init(&attributes);
    posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&files, said, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&files, said, STDERR_FILENO);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
    posix_spawnattr_setsigmask(&attributes, &h->before);
    int err = posix_spawnp(pid, PROGRAM, &files, &attributes, command->items, environ);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attributes);
    return err;
}

static int explain(int how, int said)
{
    char text[SAID_MAX];
    ssize_t len = pread(said, text, sizeof(text) - 1, 0);
    text[len > 0 ? len : 0] = '\0';
    char *line = text + strspn(text, "\n");
    line[strcspn(line, "\n")] = '\0';
    if (WIFSIGNALED(how)) {
        return report_error(STATUS_OWN_ERROR, PROGRAM " was ended by signal %d (%s)", WTERMSIG(how),
                            strsignal(WTERMSIG(how)));
    }
    return report_error(STATUS_OWN_ERROR, PROGRAM " made no image: %s",
                        *line != '\0' ? line : "it does not say why");
}

int mkfs_run(const struct interrupt *h, const char *folder, const char *image)
{
    struct words command = {0};
    pid_t pid = -1;
    int said = memfd_create("elfin-mkfs", MFD_CLOEXEC);
    make_command(folder, image, &command);
    int err = said < 0 ? errno : spawn(h, &command, said, &pid);
    words_fini(&command);
    int status = 0;
    if (err == ENOENT) {
        status = report_error(STATUS_OWN_ERROR,
                              PROGRAM " is not on PATH (on Debian: apt install erofs-utils)");
    } else if (err != 0) {
        status = report_error(STATUS_OWN_ERROR, "cannot start " PROGRAM ": %s", strerror(err));
    } else {
        int how = interrupt_wait(h, pid);
        bool failed = how != 0 && !interrupt_came(h);
        status = failed ? explain(how, said) : how != 0 ? STATUS_OWN_ERROR : 0;
    }
    if (said >= 0) {
        close(said);
    }
    return status;
}
