/* SPDX-License-Identifier: MIT */
// sources: kernel/file.c kernel/wait.c kernel/mutex.c kernel/timer.c kernel/base/rbtree.c
// sources: platform/irq.c
// fakes: sched heap log uaccess moncall clock cpu process
/* The descriptor table against an array, and the buffer iterator against a flat copy. */
#include "kernel/file.h"

#include <asm/errno.h>
#include <string.h>

#include "kernel/heap.h"
#include "test/fake/heap.h"
#include "test/fake/uaccess.h"
#include "test/unit/check.h"

#define FDS 200

static unsigned released;

static void count_release(struct file *f)
{
    (void)f;
    released++;
}

static const struct file_ops ops = {.release = count_release};
static const struct file_ops silent;

static struct file *model[FDS];
static bool model_cloexec[FDS];

static int lowest_free(int from)
{
    while (from < FDS && model[from] != NULL) {
        from++;
    }
    return from;
}

static void table_alloc(void)
{
    int from = (int)check_below(FDS);
    from = check_below(3) == 0 ? from : 0;
    int want = lowest_free(from);
    bool cloexec = check_below(2) == 0;
    struct file *f = file_create(&ops, NULL, 0);
    int fd = fd_alloc(f, from, cloexec ? O_CLOEXEC : 0);
    if (want >= FDS) {
        CHECK_EQ(fd, -EMFILE);
        file_put(f);
        return;
    }
    CHECK_EQ(fd, want);
    model[fd] = f;
    model_cloexec[fd] = cloexec;
}

static void table_install(void)
{
    int at = (int)check_below(FDS + 4) - 2;
    struct file *f = file_create(&ops, NULL, 0);
    unsigned before = released;
    int fd = fd_install(f, at, O_CLOEXEC);
    if (at < 0 || at >= FDS) {
        CHECK_EQ(fd, -EBADF);
        file_put(f);
        return;
    }
    CHECK_EQ(fd, at);
    CHECK_EQ(released - before, model[at] != NULL ? 1 : 0);
    model[at] = f;
    model_cloexec[at] = true;
}

static void table_look(void)
{
    int fd = (int)check_below(FDS + 100) - 50;
    bool open = fd >= 0 && fd < FDS && model[fd] != NULL;
    struct file *f = fd_get(fd);
    CHECK(f == (open ? model[fd] : NULL));
    CHECK_EQ(fd_cloexec(fd), open ? model_cloexec[fd] : -EBADF);
    if (f != NULL) {
        file_put(f);
        model_cloexec[fd] = !model_cloexec[fd];
    }
    CHECK_EQ(fd_set_cloexec(fd, open && model_cloexec[fd]), open ? 0 : -EBADF);
    int next = max(fd, 0);
    while (next < FDS && model[next] == NULL) {
        next++;
    }
    CHECK_EQ(fd_next(fd), next < FDS ? next : -ENOENT);
}

static void table_close(void)
{
    int fd = (int)check_below(FDS);
    unsigned before = released;
    CHECK_EQ(fd_close(fd), model[fd] != NULL ? 0 : -EBADF);
    CHECK_EQ(released - before, model[fd] != NULL);
    model[fd] = NULL;
}

static void table(void)
{
    fd_set_limit(FDS);
    for (unsigned step = 0; step < 20000; step++) {
        switch (check_below(4)) {
        case 0: table_alloc(); break;
        case 1: check_below(3) == 0 ? table_install() : table_alloc(); break;
        case 2: table_close(); break;
        default: table_look(); break;
        }
    }
    fd_close_all();
    CHECK_EQ(fd_next(0), -ENOENT);
    memset(model, 0, sizeof(model));
}

/* The table grows with every nth allocation failing: the descriptor is not taken then. */
static void growth_fails(void)
{
    fd_set_limit(FD_MAX);
    for (unsigned size = 1000, done = 0; done < 3; size *= 2, done++) {
        struct file *f = file_create(&silent, NULL, 0);
        for (unsigned long n = 1; n <= 2; n++) {
            heap_fail_after(n);
            CHECK_EQ(fd_alloc(f, (int)size, 0), -ENOMEM);
            CHECK(fake_heap_failed());
        }
        CHECK(fd_get((int)size) == NULL);
        CHECK_EQ(fd_alloc(f, (int)size, 0), size);
    }
    heap_fail_after(1);
    CHECK(file_create(&ops, NULL, 0) == NULL);
    fd_close_all();
}

static void references(void)
{
    struct file *f = file_create(&ops, &released, O_RDWR);
    unsigned before = released;
    CHECK(f->object == &released && f->flags == O_RDWR && f->pos == 0);
    file_get(f);
    file_put(f);
    CHECK_EQ(released, before);
    file_put(f);
    CHECK_EQ(released, before + 1);
}

#define PIECES 5
#define FLAT 100

static char *piece[PIECES];
static struct iov iovs[PIECES];
static struct iov_iter it;

static void make_pieces(bool user)
{
    it = (struct iov_iter){.iov = iovs, .n = PIECES, .user = user};
    for (unsigned i = 0; i < PIECES; i++) {
        size_t len = check_below(3) == 0 ? 0 : check_below(FLAT / PIECES);
        piece[i] = malloc(len + 1);
        memset(piece[i], '.', len + 1);
        iovs[i] = (struct iov){piece[i], len};
        it.total += len;
    }
}

static void flatten(char *out)
{
    for (unsigned i = 0; i < PIECES; i++) {
        memcpy(out, piece[i], iovs[i].len);
        out += iovs[i].len;
        CHECK_EQ(piece[i][iovs[i].len], '.');
    }
}

static void free_pieces(void)
{
    for (unsigned i = 0; i < PIECES; i++) {
        free(piece[i]);
    }
}

static void iterator(void)
{
    char want[FLAT];
    char got[FLAT];
    char buf[FLAT];
    for (unsigned round = 0; round < 4000; round++) {
        make_pieces(round % 2 != 0);
        memset(want, '.', sizeof(want));
        while (check_below(8) != 0) {
            size_t len = check_below(FLAT / 3);
            size_t n = min(len, iov_left(&it));
            size_t at = it.done;
            memset(buf, (int)('a' + check_below(26)), sizeof(buf));
            if (check_below(3) != 0) {
                CHECK_EQ(iov_copy_to(&it, buf, len), n);
                memcpy(want + at, buf, n);
            } else if (check_below(2) != 0) {
                CHECK_EQ(iov_zero(&it, len), n);
                memset(want + at, 0, n);
            } else {
                CHECK_EQ(iov_copy_from(&it, buf, len), n);
                CHECK(memcmp(buf, want + at, n) == 0);
            }
            CHECK_EQ(it.done, at + n);
        }
        flatten(got);
        CHECK(memcmp(got, want, it.total) == 0);
        free_pieces();
    }
}

static void bad_pointers(void)
{
    char *good = malloc(8);
    char buf[16] = "0123456789abcde";
    struct iov pair[2] = {{good, 8}, {(void *)8, 8}};
    struct iov_iter user = {.iov = pair, .n = 2, .total = 16, .user = true};
    CHECK_EQ(iov_copy_to(&user, buf, 16), 8); /* as far as it goes */
    CHECK(memcmp(good, buf, 8) == 0);
    CHECK_EQ(iov_copy_to(&user, buf, 8), -EFAULT);
    CHECK_EQ(iov_copy_from(&user, buf, 8), -EFAULT);
    CHECK_EQ(iov_zero(&user, 8), -EFAULT);
    CHECK_EQ(user.done, 8);
    user.done = 0;
    fake_fault_at = (uint64_t)(uintptr_t)good;
    fake_fault_end = fake_fault_at + 1;
    CHECK_EQ(iov_copy_to(&user, buf, 16), -EFAULT);
    CHECK_EQ(user.done, 0);
    fake_fault_at = fake_fault_end = 0;
    free(good);
}

int main(void)
{
    static const struct check_test tests[] = {{"growth_fails", growth_fails},
                                              {"references", references},
                                              {"iterator", iterator},
                                              {"bad_pointers", bad_pointers}};
    table(); /* the table itself stays allocated, by design: not counted as a leak */
    fd_set_limit(FD_MAX);
    struct file *f = file_create(&silent, NULL, 0);
    CHECK_EQ(fd_install(f, 0, 0), 0);
    fd_close_all();
    return check_main(tests, ARRAY_LEN(tests));
}
