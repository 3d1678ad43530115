/* SPDX-License-Identifier: MIT */
/* Stands in for QEMU on PATH: writes the monotonic clock in nanoseconds to the file that STAMP
 * names, then becomes the program that STAMP_EXEC names. So a measurement starts at QEMU's exec. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define NSEC_PER_SEC 1000000000LL

int main(int argc, char **argv)
{
    const char *path = getenv("STAMP");
    const char *program = getenv("STAMP_EXEC");
    FILE *f = path != NULL && argc > 0 ? fopen(path, "w") : NULL;
    if (f == NULL || program == NULL) {
        fputs("stamp: STAMP and STAMP_EXEC are needed\n", stderr);
        return 125;
    }
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    (void)fprintf(f, "%lld\n", (long long)now.tv_sec * NSEC_PER_SEC + now.tv_nsec);
    (void)fclose(f);
    argv[0] = (char *)(unsigned long)program;
    execv(program, argv);
    perror(program);
    return 127;
}
