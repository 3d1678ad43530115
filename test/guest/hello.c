/* SPDX-License-Identifier: MIT */
// args: one "two words" "" --four=4
// env: GREETING=hello EMPTY=
// kinds: musl-static musl-static-pie musl-dynamic
// kinds: glibc-static glibc-static-pie glibc-dynamic glibc-dynamic-nopie
// status: 7
// rewritten: 95
// stderr: same
/* The first program of everybody, in each way that Linux programs are linked. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int exits;

static void at_exit(void)
{
    printf("exit handler %d\n", ++exits);
}

__attribute__((constructor)) static void before_main(void)
{
    printf("constructor\n");
}

__attribute__((destructor)) static void after_main(void)
{
    printf("destructor\n");
}

int main(int argc, char **argv, char **envp)
{
    int variables = 0;
    atexit(at_exit);
    atexit(at_exit);
    for (int i = 1; i < argc; i++)
        printf("argument %d: '%s'\n", i, argv[i]);
    while (envp[variables])
        variables++;
    printf("%d arguments, %d variables\n", argc, variables);
    printf("%s, world\n", getenv("GREETING"));
    printf("EMPTY is '%s', MISSING is %s\n", getenv("EMPTY"),
           getenv("MISSING") ? "set" : "not set");
    fprintf(stderr, "this goes to standard error\n");
    return strlen("sevenly") == 7 ? 7 : 1;
}
