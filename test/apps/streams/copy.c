/* SPDX-License-Identifier: MIT */
/* Copies stdin to stdout byte by byte as they are, counts them on stderr, and says what its
 * streams are. */
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static char buf[65536];

static int describe(void)
{
    struct winsize size = {0};
    for (int fd = 0; fd <= 2; fd++) {
        printf("%d: %s\n", fd, isatty(fd) ? "terminal" : "no terminal");
    }
    if (ioctl(0, TIOCGWINSZ, &size) == 0) {
        printf("%ux%u\n", size.ws_col, size.ws_row);
    }
    return 0;
}

int main(int argc, char **argv)
{
    long total = 0;
    long n;
    if (argc > 1 && strcmp(argv[1], "describe") == 0) {
        return describe();
    }
    if (argc > 1 && strcmp(argv[1], "wait") == 0) {
        puts("waiting");
        fflush(stdout);
        pause();
    }
    while ((n = read(0, buf, sizeof(buf))) > 0) {
        total += n;
        for (long done = 0; done < n;) {
            long m = write(1, buf + done, (size_t)(n - done));
            if (m <= 0) {
                return 3;
            }
            done += m;
        }
    }
    fprintf(stderr, "%ld bytes\n", total);
    return n < 0 ? 4 : 0;
}
