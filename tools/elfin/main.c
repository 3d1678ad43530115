/* SPDX-License-Identifier: MIT */
/* The `elfin` command: a table of verbs. */
#include <stdio.h>
#include <string.h>

#include "tools/elfin/report.h"
#include "tools/elfin/run.h"

#define ELFIN_VERSION "0.1"

struct call {
    unsigned number;
    const char *name, *status, *test;
};

#define SYSCALL(nr, name, status, test, ...) {nr, #name, #status, test},
static const struct call calls[] = {
#include "syscall/syscalls.def"
};
#undef SYSCALL

static const char help_text[] =
    "Usage: elfin run [OPTIONS] PROGRAM [ARGUMENTS]   boot a Linux program as a virtual machine\n"
    "       elfin run --help                          its options\n"
    "       elfin syscalls                            the system calls that programs can make\n"
    "       elfin --version\n";

static int print_calls(int argc, char **argv)
{
    (void)argv;
    if (argc != 1) {
        return report_error(STATUS_OWN_ERROR, "syscalls takes no arguments");
    }
    printf("%-4s %-24s %-6s %s\n", "nr", "name", "status", "test");
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        printf("%-4u %-24s %-6s test/%s\n", calls[i].number, calls[i].name, calls[i].status,
               calls[i].test);
    }
    return 0;
}

static int print_help(int argc, char **argv)
{
    (void)argc, (void)argv;
    fputs(help_text, stdout);
    return 0;
}

static int print_version(int argc, char **argv)
{
    (void)argc, (void)argv;
    puts("elfin " ELFIN_VERSION);
    return 0;
}

static const struct verb {
    const char *name;
    int (*run)(int argc, char **argv);
} verbs[] = {
    {"run", run_main},  {"syscalls", print_calls}, {"--help", print_help},
    {"-h", print_help}, {"help", print_help},      {"--version", print_version},
};

int main(int argc, char **argv)
{
    if (argc < 2) {
        return report_error(STATUS_OWN_ERROR, "nothing to do; see elfin --help");
    }
    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
        if (strcmp(argv[1], verbs[i].name) == 0) {
            int status = verbs[i].run(argc - 1, argv + 1);
            if (fflush(stdout) != 0) {
                return report_error(STATUS_OWN_ERROR, "cannot write to stdout");
            }
            return status;
        }
    }
    return report_error(STATUS_OWN_ERROR, "unknown command %s; see elfin --help", argv[1]);
}
