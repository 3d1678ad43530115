/* SPDX-License-Identifier: MIT */
/* Pseudo terminals: names and settings, lines with their editing and echo, raw input, output, ends
 * that close. Source: pty(7), pts(4), termios(3), ioctl_tty(2). */
// cflags: -pthread
// cpus: 1 2
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <termios.h>
#include <unistd.h>

#include "test/guest/show.h"

static int master, slave;
static char name[64];

/* What can be read now, in a readable form. */
static void drain(const char *what, int fd)
{
    char buf[1024];
    int flags = fcntl(fd, F_GETFL);
    fcntl(fd, F_SETFL, flags | O_NONBLOCK);
    errno = 0;
    long n = read(fd, buf, sizeof buf);
    printf("%s: %ld%s%s", what, n, n < 0 ? " " : "", n < 0 ? errno_name(errno) : "");
    for (long i = 0; i < n; i++)
        printf(buf[i] >= ' ' && buf[i] < 127 ? " %c" : " %02x", buf[i] & 0xff);
    printf("\n");
    fcntl(fd, F_SETFL, flags);
}

static void type(const char *text)
{
    printf("typed %ld\n", (long)write(master, text, strlen(text)));
    drain(" slave", slave);
    drain(" echo", master);
}

static void open_both(void)
{
    master = posix_openpt(O_RDWR | O_NOCTTY);
    if (master < 0 || grantpt(master) != 0 || unlockpt(master) != 0 ||
        ptsname_r(master, name, sizeof name) != 0)
        printf("no terminal\n");
    slave = open(name, O_RDWR | O_NOCTTY);
}

static void close_both(void)
{
    close(slave);
    close(master);
}

static void change(tcflag_t off, tcflag_t on)
{
    struct termios t;
    tcgetattr(slave, &t);
    t.c_lflag = (t.c_lflag & ~off) | on;
    SHOW(tcsetattr(slave, TCSANOW, &t));
}

static void test_names(void)
{
    struct stat st;
    struct winsize size = {0};
    int number = -1, other;
    master = posix_openpt(O_RDWR | O_NOCTTY);
    SHOW(ioctl(master, TIOCGPTN, &number));
    snprintf(name, sizeof name, "/dev/pts/%d", number);
    SHOW(open(name, O_RDWR | O_NOCTTY)); /* locked */
    SHOW(unlockpt(master));
    slave = open(name, O_RDWR | O_NOCTTY);
    TRUE(slave >= 0 && isatty(slave) && isatty(master));
    TRUE(strcmp(ptsname(master), name) == 0);
    TRUE(ttyname(slave) != NULL && strcmp(ttyname(slave), name) == 0);
    SHOW(fstat(slave, &st));
    TRUE(S_ISCHR(st.st_mode) && major(st.st_rdev) == 136 && (int)minor(st.st_rdev) == number);
    SHOW(ioctl(slave, TIOCGPTN, &other));
    other = posix_openpt(O_RDWR | O_NOCTTY);
    TRUE(other >= 0 && strcmp(ptsname(other), name) != 0);
    close(other);
    SHOW(ioctl(slave, TIOCGWINSZ, &size));
    printf("%d x %d\n", size.ws_row, size.ws_col);
    size = (struct winsize){24, 80, 1, 2};
    SHOW(ioctl(master, TIOCSWINSZ, &size));
    size = (struct winsize){0};
    SHOW(ioctl(slave, TIOCGWINSZ, &size));
    printf("%d x %d\n", size.ws_row, size.ws_col);
    SHOW(lseek(slave, 0, SEEK_SET));
    close(slave);
    close(master);
    SHOW(open(name, O_RDWR | O_NOCTTY));
}

static void test_settings(void)
{
    struct termios t, other;
    open_both();
    SHOW(tcgetattr(slave, &t));
    printf("%o %o %o %o\n", t.c_iflag, t.c_oflag, t.c_cflag, t.c_lflag);
    for (int i = 0; i < 17; i++)
        printf(" %d", t.c_cc[i]);
    printf("\n");
    cfmakeraw(&t);
    SHOW(tcsetattr(slave, TCSAFLUSH, &t));
    SHOW(tcgetattr(master, &other));
    TRUE(other.c_lflag == t.c_lflag && other.c_iflag == t.c_iflag && other.c_oflag == t.c_oflag);
    SHOW(tcdrain(slave));
    SHOW(tcflush(slave, TCIFLUSH));
    SHOW(tcflush(slave, 99));
    SHOW(tcsendbreak(slave, 0));
    close_both();
}

static void test_lines(void)
{
    open_both();
    type("one\n");
    type("tw");
    type("o\nthree\nfo");
    drain(" more", slave);
    type("ur\r");
    type("ab\177c\n"); /* erase */
    type("\177x\n"); /* nothing to erase */
    type("some words, here\027there\n"); /* a word */
    type("gone\025kept\n"); /* the line */
    type("a\001b\177\n"); /* a control character is shown as two */
    type("\026\177\026\004q\n"); /* literally */
    type("part\004"); /* end of file: what there is */
    type("\004"); /* and nothing */
    type("tab\there\n");
    change(ECHO, 0);
    type("silent\n");
    change(0, ECHONL);
    type("newline only\n");
    change(ECHONL, ECHO);
    change(ECHOE | ECHOK, 0);
    type("xy\177z\025new\n");
    change(0, ECHOE | ECHOK);
    type("left"); /* in the middle of a line */
    change(ICANON, 0);
    drain(" raw", slave);
    type("k");
    change(0, ICANON);
    type("again\n");
    char few[4];
    SHOW(write(master, "longer\n", 7));
    SHOW(read(slave, few, sizeof few)); /* a line in parts */
    drain(" rest", slave);
    close_both();
}

static unsigned events(int fd)
{
    struct pollfd p = {fd, POLLIN | POLLOUT, 0};
    poll(&p, 1, 0);
    return (unsigned)p.revents;
}

static void test_output(void)
{
    struct termios t;
    open_both();
    SHOW(write(slave, "a\nb\r\tc", 6));
    drain("out", master);
    tcgetattr(slave, &t);
    t.c_oflag = OPOST | OCRNL;
    tcsetattr(slave, TCSANOW, &t);
    SHOW(write(slave, "a\nb\rc", 5));
    drain("out", master);
    t.c_oflag = 0;
    t.c_iflag = 0;
    t.c_lflag = 0;
    t.c_cc[VMIN] = 3;
    t.c_cc[VTIME] = 0;
    tcsetattr(slave, TCSANOW, &t);
    SHOW(write(slave, "\n\r\x80", 3));
    drain("out", master);
    SHOW(write(master, "\003\004\r\n\x80", 5)); /* nothing means anything */
    drain("in", slave);
    t.c_cc[VMIN] = 0;
    tcsetattr(slave, TCSANOW, &t);
    char c;
    SHOW(read(slave, &c, 1)); /* does not wait */
    t.c_cc[VTIME] = 1;
    tcsetattr(slave, TCSANOW, &t);
    SHOW(read(slave, &c, 1)); /* waits a little */
    t.c_iflag = IGNCR | ISTRIP;
    tcsetattr(slave, TCSANOW, &t);
    SHOW(write(master, "a\rb\xe1", 4));
    drain("in", slave);
    t.c_iflag = INLCR;
    tcsetattr(slave, TCSANOW, &t);
    SHOW(write(master, "a\nb", 3));
    drain("in", slave);
    int n = -1;
    SHOW(write(master, "12345", 5));
    SHOW(events(slave)); /* Linux takes what was written to the other end now at the latest */
    SHOW(ioctl(slave, FIONREAD, &n));
    SHOW(n);
    SHOW(tcflush(slave, TCIFLUSH));
    SHOW(ioctl(slave, FIONREAD, &n));
    SHOW(n);
    close_both();
}

static void test_ends(void)
{
    char c;
    open_both();
    SHOW(events(master));
    SHOW(events(slave));
    SHOW(write(master, "x\n", 2));
    SHOW(events(slave));
    SHOW(events(master));
    drain("echo", master);
    SHOW(write(slave, "last", 4));
    close(slave);
    SHOW(events(master));
    drain("left", master);
    SHOW(events(master));
    SHOW(read(master, &c, 1));
    slave = open(name, O_RDWR | O_NOCTTY); /* and there is one again */
    SHOW(events(master) & POLLHUP);
    SHOW(write(slave, "back", 4));
    drain("again", master);
    close(master);
    SHOW(events(slave));
    SHOW(read(slave, &c, 1));
    SHOW(write(slave, "x", 1));
    close(slave);
}

static void *reader(void *arg)
{
    char buf[16];
    *(long *)arg = read(slave, buf, sizeof buf);
    return NULL;
}

static void *writer(void *arg)
{
    static char block[20000];
    memset(block, 'w', sizeof block);
    *(long *)arg = write(slave, block, sizeof block);
    return NULL;
}

static void test_threads(void)
{
    static char buf[4096];
    pthread_t t;
    long sum = 0, n, result = 0;
    open_both();
    pthread_create(&t, NULL, reader, &result);
    usleep(20000);
    SHOW(write(master, "hel", 3));
    SHOW(write(master, "lo\n", 3));
    pthread_join(t, NULL);
    SHOW(result);
    SHOW(read(master, buf, sizeof buf));
    pthread_create(&t, NULL, writer, &result);
    while (sum < 20000 && (n = read(master, buf, sizeof buf)) > 0)
        sum += n;
    pthread_join(t, NULL);
    SHOW(result);
    SHOW(sum);
    close_both();
}

int main(void)
{
    test_names();
    test_settings();
    test_lines();
    test_output();
    test_ends();
    test_threads();
    return 0;
}
