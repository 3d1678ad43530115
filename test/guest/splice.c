/* SPDX-License-Identifier: MIT */
/* Data between pipes and files without the program's memory. Source: splice(2), vmsplice(2). */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "test/guest/pipes.h"

static int file, other[2];

static void show_pipe(int fd)
{
    long n = read(fd, back, sizeof back);
    printf("pipe: %.*s\n", n > 0 ? (int)n : 0, back);
}

static void test_in(void)
{
    long pos = 4;
    SHOW(splice(file, NULL, w, NULL, 3, 0));
    SHOW(lseek(file, 0, SEEK_CUR));
    SHOW(splice(file, &pos, w, NULL, 100, 0));
    SHOW(pos);
    SHOW(lseek(file, 0, SEEK_CUR));
    SHOW(splice(file, &pos, w, NULL, 100, 0)); /* the end */
    show_pipe(r);
}

static void test_out(void)
{
    long pos = 20;
    write(w, "abcdefgh", 8);
    lseek(file, 1, SEEK_SET);
    SHOW(splice(r, NULL, file, NULL, 2, 0));
    SHOW(lseek(file, 0, SEEK_CUR));
    SHOW(splice(r, NULL, file, &pos, 100, 0));
    SHOW(pos);
    SHOW(pread(file, back, 100, 0));
    TRUE(memcmp(back, "0ab3456789", 10) == 0 && memcmp(back + 20, "cdefgh", 6) == 0);
}

static void test_between(void)
{
    write(w, "from pipe to pipe", 17);
    SHOW(splice(r, NULL, other[1], NULL, 9, 0));
    show_pipe(other[0]);
    SHOW(splice(r, NULL, other[1], NULL, 100, SPLICE_F_NONBLOCK | SPLICE_F_MORE));
    show_pipe(other[0]);
    SHOW(splice(r, NULL, other[1], NULL, 100, SPLICE_F_NONBLOCK));
    SHOW(splice(r, NULL, w, NULL, 100, 0));
    handle(SIGALRM, on_alarm, 0);
    alarm_in(20);
    SHOW(splice(r, NULL, other[1], NULL, 100, 0)); /* nothing comes */
    SHOW(alarms);
}

/* A copy of what is in a pipe, which stays there. */
static void test_tee(void)
{
    write(w, "twice", 5);
    SHOW(tee(r, other[1], 3, 0));
    SHOW(tee(r, other[1], 100, SPLICE_F_MORE));
    show_pipe(other[0]);
    show_pipe(r);
    SHOW(tee(r, other[1], 100, SPLICE_F_NONBLOCK));
    memset(data, 'd', 10000);
    write(w, data, 10000);
    SHOW(tee(r, other[1], 10000, 0));
    SHOW(read(other[0], back, sizeof back));
    TRUE(memcmp(data, back, 10000) == 0);
    SHOW(read(r, back, sizeof back));
    SHOW(tee(r, w, 100, 0));
    SHOW(tee(r, r, 100, 0));
    SHOW(tee(file, w, 100, 0));
    SHOW(tee(r, file, 100, 0));
    SHOW(tee(-1, w, 100, 0));
    SHOW(tee(w, other[1], 100, 0));
    SHOW(tee(r, other[1], 100, 64));
    SHOW(tee(r, other[1], 0, 0));
    handle(SIGALRM, on_alarm, 0);
    alarms = 0;
    alarm_in(20);
    SHOW(tee(r, other[1], 100, 0)); /* nothing comes */
    SHOW(alarms);
    alarms = 0;
}

static void test_full(void)
{
    char name[] = "big";
    int big = open(name, O_CREAT | O_RDWR, 0644);
    write(big, data, sizeof data);
    lseek(big, 0, SEEK_SET);
    fcntl(w, F_SETPIPE_SZ, 65536);
    long sum = 0, n;
    while ((n = splice(big, NULL, w, NULL, sizeof data, SPLICE_F_NONBLOCK)) > 0)
        sum += n;
    SHOW(n);
    SHOW(sum);
    TRUE(lseek(big, 0, SEEK_CUR) == sum);
    SHOW(read(r, back, 8192));
    SHOW(splice(big, NULL, w, NULL, 4096, 0)); /* room enough: no wait */
    close(w);
    while ((n = splice(r, NULL, file, NULL, sizeof data, 0)) > 0)
        sum -= n;
    SHOW(n);
    SHOW(sum); /* what was read, less what was added */
    close(r);
    close(big);
    new_pipe(0);
}

/* One call moves all that is there and finds room. */
static void test_whole(void)
{
    char name[] = "whole";
    int f = open(name, O_CREAT | O_RDWR, 0644), null = open("/dev/null", O_WRONLY), back_pipe[2];
    pipe(back_pipe);
    SHOW(write(w, data, 65536));
    SHOW(splice(r, NULL, f, NULL, 1 << 20, 0));
    lseek(f, 0, SEEK_SET);
    SHOW(splice(f, NULL, w, NULL, 1 << 20, 0));
    SHOW(splice(r, NULL, back_pipe[1], NULL, 40960, 0));
    SHOW(splice(back_pipe[0], NULL, null, NULL, 40000, 0));
    SHOW(splice(back_pipe[0], NULL, null, NULL, 40000, 0));
    SHOW(splice(r, NULL, null, NULL, 1 << 20, 0));
    SHOW(splice(r, NULL, null, NULL, 1, SPLICE_F_NONBLOCK));
    close(f);
    close(null);
    close(back_pipe[0]);
    close(back_pipe[1]);
}

static void test_errors(void)
{
    long pos = 0, bad = -1;
    int app = open("file", O_WRONLY | O_APPEND), ro = open("file", O_RDONLY);
    SHOW(splice(file, NULL, app, NULL, 1, 0));
    write(w, "x", 1);
    SHOW(splice(r, NULL, app, NULL, 1, 0));
    SHOW(splice(r, NULL, ro, NULL, 1, 0));
    SHOW(splice(r, &pos, file, NULL, 1, 0));
    SHOW(splice(file, NULL, w, &pos, 1, 0));
    SHOW(splice(file, &bad, w, NULL, 1, 0));
    SHOW(splice(file, (void *)8, w, NULL, 1, 0));
    SHOW(splice(file, NULL, r, NULL, 1, 0));
    SHOW(splice(w, NULL, file, NULL, 1, 0));
    SHOW(splice(-1, NULL, w, NULL, 1, 0));
    SHOW(splice(file, NULL, -1, NULL, 1, 0));
    SHOW(splice(file, NULL, w, NULL, 0, 0));
    SHOW(splice(file, NULL, w, NULL, 1, 0x100));
    close(app);
    close(ro);
}

static void test_vmsplice(void)
{
    struct iovec v[2] = {{"one ", 4}, {"two", 3}};
    struct iovec to[2] = {{back, 3}, {back + 3, 100}};
    show_pipe(r);
    SHOW(vmsplice(w, v, 2, 0));
    SHOW(vmsplice(r, to, 2, 0));
    TRUE(memcmp(back, "one two", 7) == 0);
    SHOW(vmsplice(r, to, 2, SPLICE_F_NONBLOCK));
    SHOW(vmsplice(file, v, 2, 0));
    SHOW(vmsplice(-1, v, 2, 0));
    SHOW(vmsplice(w, (void *)8, 2, 0));
    SHOW(vmsplice(w, v, 2, 0x100));
}

int main(void)
{
    file = open("file", O_CREAT | O_RDWR, 0644);
    write(file, "0123456789", 10);
    lseek(file, 0, SEEK_SET);
    new_pipe(0);
    pipe(other);
    test_in();
    test_out();
    test_between();
    test_tee();
    test_full();
    test_whole();
    test_errors();
    test_vmsplice();
    return 0;
}
