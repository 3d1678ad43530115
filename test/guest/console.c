/* SPDX-License-Identifier: MIT */
/* Standard input that is no terminal: waiting for it, its end, what calls on it say. The standard
 * output is whatever the runner gives. Source: read(2), poll(2), ioctl_tty(2), termios(3). */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <termios.h>
#include <unistd.h>

#include "test/guest/show.h"

#define BAD_POINTER ((void *)8)
static char buf[4096];

static int wait_for(int timeout_ms)
{
    struct pollfd p = {.fd = 0, .events = POLLIN};
    int n = poll(&p, 1, timeout_ms);
    return n <= 0 ? n : p.revents & (POLLIN | POLLHUP);
}

/* Input comes in two parts, the second later. */
static void test_input(void)
{
    int n = -1;
    size_t got = 0;
    SHOW(wait_for(5000) & POLLIN);
    SHOW(ioctl(0, FIONREAD, &n));
    TRUE(n > 0 && n <= 11);
    SHOW(ioctl(0, FIONREAD, BAD_POINTER));
    SHOW(read(0, buf, 0));
    SHOW(read(0, buf, 3));
    SHOW(read(0, BAD_POINTER, 3));
    SHOW(readv(0, (struct iovec[]){{buf + 3, 2}, {buf + 5, 2}}, 2));
    for (got = 7; got < 11;)
        got += (size_t)read(0, buf + got, sizeof buf - got);
    printf("%.*s", (int)got, buf);
    int flags = fcntl(0, F_GETFL);
    SHOW(fcntl(0, F_SETFL, flags | O_NONBLOCK));
    SHOW(read(0, buf, 100));
    SHOW(wait_for(0));
    SHOW(fcntl(0, F_SETFL, flags));
    SHOW(read(0, buf, 6)); /* waits */
    printf("%.6s", buf);
}

static void test_end(void)
{
    int n = -1;
    SHOW(wait_for(5000));
    SHOW(read(0, buf, sizeof buf));
    SHOW(read(0, buf, sizeof buf)); /* and again */
    SHOW(ioctl(0, FIONREAD, &n));
    SHOW(n);
    SHOW(wait_for(0));
}

static void test_calls(void)
{
    struct termios t;
    struct winsize w;
    struct stat st;
    int pgrp, on = 1;
    SHOW(isatty(0));
    SHOW(ioctl(0, TCGETS, &t));
    SHOW(tcgetattr(0, &t));
    SHOW(tcsetattr(0, TCSANOW, &t));
    SHOW(ioctl(0, TIOCGWINSZ, &w));
    SHOW(ioctl(0, TIOCGPGRP, &pgrp));
    SHOW(ioctl(0, 0x12345678, &pgrp));
    SHOW(ioctl(-1, TCGETS, &t));
    SHOW(tcflush(0, TCIFLUSH));
    SHOW(ttyname(0) == NULL);
    SHOW(fstat(0, &st));
    printf("mode %o links %ld size %ld\n", st.st_mode, (long)st.st_nlink, (long)st.st_size);
    SHOW(lseek(0, 0, SEEK_CUR));
    SHOW(pread(0, buf, 1, 0));
    SHOW(write(0, "x", 1));
    SHOW(ftruncate(0, 0));
    SHOW(fsync(0));
    SHOW(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, 0, 0) == MAP_FAILED);
    printf("%s\n", errno_name(errno));
    SHOW(ioctl(0, FIONBIO, &on));
    SHOW((fcntl(0, F_GETFL) & O_NONBLOCK) != 0);
    on = 0;
    SHOW(ioctl(0, FIONBIO, &on));
    int again = open("/dev/stdin", O_RDONLY | O_NONBLOCK);
    SHOW_ERR(again);
    SHOW(read(again, buf, 10));
    close(again);
    SHOW(write(1, buf, 0));
    SHOW(write(1, BAD_POINTER, 4));
    SHOW(read(1, buf, 1) == -1);
}

int main(void)
{
    setvbuf(stdout, NULL, _IONBF, 0);
    test_input();
    test_end();
    test_calls();
    return 0;
}
