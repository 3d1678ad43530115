/* SPDX-License-Identifier: MIT */
// sources: fs/lock.c kernel/file.c kernel/fileattr.c kernel/wait.c kernel/mutex.c kernel/timer.c
// sources: kernel/base/rbtree.c platform/irq.c
// fakes: sched heap log uaccess moncall clock cpu process
/* File locks: record locks against an array of one owner a byte, then what fcntl(2) and flock(2)
 * say of waiting, converting and asking. Files that share an object are opens of one file. */
#include "fs/lock.h"

#include <asm/errno.h>
#include <linux/fs.h>
#include <string.h>

#include "kernel/heap.h"
#include "test/fake/heap.h"
#include "test/fake/moncall.h"
#include "test/fake/process.h"
#include "test/unit/check.h"

#define BYTES 40
#define OWNERS 4 /* the process through two files, and two of them with locks of their own */

static const struct file_ops ops = {.release = lock_release};
static int object, other_object;

static struct file *open_one(void *what)
{
    struct file *f = file_create(&ops, what, O_RDWR);
    CHECK(f != NULL);
    return f;
}

static int set(struct file *f, enum lock_kind kind, int type, int64_t start, int64_t end)
{
    struct lock_range r = {type, start, end};
    return lock_set(f, kind, &r, false);
}

/* What F_GETLK says: the range in the way, or F_UNLCK. */
static struct lock_range ask(struct file *f, enum lock_kind kind, int type, int64_t start,
                             int64_t end)
{
    struct lock_range r = {type, start, end};
    lock_test(f, &kind, &r);
    return r;
}

static void check_range(struct lock_range r, int type, int64_t start, int64_t end)
{
    CHECK_EQ(r.type, type);
    CHECK_EQ(r.start, start);
    CHECK_EQ(r.end, end);
}

/* The model: the type that each owner holds on each byte. Owners 0 and 1 are the process. */
static int model[OWNERS][BYTES];

static unsigned same_owner(unsigned owner)
{
    return owner < 2 ? 0 : owner;
}

static bool model_conflict(unsigned owner, int type, unsigned start, unsigned end)
{
    for (unsigned o = 0; o < OWNERS; o++) {
        for (unsigned i = start; o != same_owner(owner) && i <= end; i++) {
            int held = model[o][i];
            if (held != F_UNLCK && type != F_UNLCK && (held == F_WRLCK || type == F_WRLCK)) {
                return true;
            }
        }
    }
    return false;
}

/* r is the run of owner's bytes around i that are locked alike: split, shrunk and merged. */
static bool is_run(const int *bytes, unsigned i, const struct lock_range *r)
{
    unsigned a = i;
    unsigned b = i;
    while (a > 0 && bytes[a - 1] == bytes[i]) {
        a--;
    }
    while (b + 1 < BYTES && bytes[b + 1] == bytes[i]) {
        b++;
    }
    return bytes[i] == r->type && r->start == a && r->end == b;
}

/* What F_GETLK tells asker of byte i is a run of somebody else's, or nothing is in the way. */
static void check_byte(struct file *const *files, unsigned asker, unsigned i)
{
    enum lock_kind kind = asker == 0 ? LOCK_OF_PROCESS : LOCK_OF_FILE;
    struct lock_range r = ask(files[asker], kind, F_WRLCK, i, i);
    bool is_free = r.type == F_UNLCK;
    bool found = false;
    for (unsigned o = 0; o < OWNERS; o++) {
        found |= o != asker && is_run(model[o], i, &r);
    }
    CHECK(is_free || found);
    CHECK_EQ(is_free, !model_conflict(asker, F_WRLCK, i, i));
}

static void check_runs(struct file *const *files)
{
    for (unsigned i = 0; i < BYTES; i++) {
        check_byte(files, 0, i);
        check_byte(files, 2, i);
    }
}

static void ranges(void)
{
    static const int types[] = {F_RDLCK, F_WRLCK, F_UNLCK};
    struct file *files[OWNERS];
    for (unsigned o = 0; o < OWNERS; o++) {
        files[o] = open_one(&object);
        for (unsigned i = 0; i < BYTES; i++) {
            model[o][i] = F_UNLCK;
        }
    }
    for (unsigned n = 0; n < 6000; n++) {
        unsigned owner = (unsigned)check_below(OWNERS);
        unsigned start = (unsigned)check_below(BYTES);
        unsigned end = start + (unsigned)check_below(BYTES - start);
        int type = types[check_below(3)];
        enum lock_kind kind = owner < 2 ? LOCK_OF_PROCESS : LOCK_OF_FILE;
        bool conflict = model_conflict(owner, type, start, end);
        CHECK_EQ(set(files[owner], kind, type, start, end), conflict ? -EAGAIN : 0);
        for (unsigned i = start; i <= end && !conflict; i++) {
            model[same_owner(owner)][i] = type;
        }
        if (n % 16 == 0) {
            check_runs(files);
        }
    }
    lock_forget(files[1]); /* the process closed any descriptor: all its record locks go */
    for (unsigned i = 0; i < BYTES; i++) {
        model[0][i] = F_UNLCK;
    }
    check_runs(files);
    for (unsigned o = 0; o < OWNERS; o++) {
        file_put(files[o]);
    }
}

static void merge_and_split(void)
{
    struct file *a = open_one(&object);
    struct file *b = open_one(&object);
    CHECK_EQ(set(a, LOCK_OF_FILE, F_RDLCK, 0, 9), 0);
    CHECK_EQ(set(a, LOCK_OF_FILE, F_RDLCK, 10, 19), 0); /* one lock now */
    check_range(ask(b, LOCK_OF_FILE, F_WRLCK, 5, 5), F_RDLCK, 0, 19);
    check_range(ask(b, LOCK_OF_FILE, F_RDLCK, 5, 5), F_UNLCK, 5, 5);
    CHECK_EQ(set(a, LOCK_OF_FILE, F_WRLCK, 5, 9), 0);
    check_range(ask(b, LOCK_OF_FILE, F_WRLCK, 0, INT64_MAX), F_RDLCK, 0, 4);
    check_range(ask(b, LOCK_OF_FILE, F_WRLCK, 12, INT64_MAX), F_RDLCK, 10, 19);
    check_range(ask(b, LOCK_OF_FILE, F_RDLCK, 0, INT64_MAX), F_WRLCK, 5, 9);
    CHECK_EQ(set(a, LOCK_OF_FILE, F_RDLCK, 5, 9), 0); /* and one again */
    check_range(ask(b, LOCK_OF_FILE, F_WRLCK, 19, 19), F_RDLCK, 0, 19);
    CHECK_EQ(set(a, LOCK_OF_FILE, F_RDLCK, INT64_MAX, INT64_MAX), 0);
    CHECK_EQ(set(a, LOCK_OF_FILE, F_RDLCK, 20, INT64_MAX - 1), 0);
    check_range(ask(b, LOCK_OF_FILE, F_WRLCK, 7, 7), F_RDLCK, 0, INT64_MAX);
    CHECK_EQ(set(a, LOCK_OF_FILE, F_UNLCK, 0, INT64_MAX), 0);
    check_range(ask(b, LOCK_OF_FILE, F_WRLCK, 0, INT64_MAX), F_UNLCK, 0, INT64_MAX);
    file_put(a);
    file_put(b);
}

/* flock and record locks do not see each other; locks on other files are no matter either. */
static void worlds(void)
{
    struct file *a = open_one(&object);
    struct file *b = open_one(&object);
    struct file *other = open_one(&other_object);
    enum lock_kind kind = LOCK_OF_FILE;
    struct lock_range r = {F_WRLCK, 0, 0};
    CHECK_EQ(set(a, LOCK_WHOLE, F_WRLCK, 0, INT64_MAX), 0);
    CHECK_EQ(set(b, LOCK_OF_FILE, F_WRLCK, 0, INT64_MAX), 0);
    CHECK_EQ(set(b, LOCK_WHOLE, F_RDLCK, 0, INT64_MAX), -EAGAIN);
    CHECK_EQ(set(a, LOCK_OF_PROCESS, F_RDLCK, 0, 0), -EAGAIN); /* OFD against the process */
    CHECK_EQ(set(other, LOCK_WHOLE, F_WRLCK, 0, INT64_MAX), 0);
    lock_test(a, &kind, &r);
    CHECK_EQ(kind, LOCK_OF_FILE);
    kind = LOCK_OF_PROCESS;
    r.type = F_WRLCK;
    lock_test(a, &kind, &r);
    CHECK_EQ(kind, LOCK_OF_FILE); /* the kind of the lock in the way, not the asker's */
    file_put(b); /* its locks go with it */
    CHECK_EQ(set(a, LOCK_OF_PROCESS, F_RDLCK, 0, 0), 0);
    lock_forget(a);
    file_put(a);
    file_put(other);
}

/* Converting takes two steps: a failure loses the old lock, and two that both want more do not
 * wait for each other. Source: flock(2). */
static void flock_conversion(void)
{
    struct file *a = open_one(&object);
    struct file *b = open_one(&object);
    struct lock_range exclusive = {F_WRLCK, 0, INT64_MAX};
    CHECK_EQ(set(a, LOCK_WHOLE, F_RDLCK, 0, INT64_MAX), 0);
    CHECK_EQ(set(a, LOCK_WHOLE, F_RDLCK, 0, INT64_MAX), 0);
    CHECK_EQ(set(b, LOCK_WHOLE, F_RDLCK, 0, INT64_MAX), 0);
    CHECK_EQ(set(a, LOCK_WHOLE, F_WRLCK, 0, INT64_MAX), -EAGAIN);
    CHECK_EQ(lock_set(b, LOCK_WHOLE, &exclusive, true), 0); /* would sleep for ever */
    CHECK_EQ(set(a, LOCK_WHOLE, F_RDLCK, 0, INT64_MAX), -EAGAIN);
    CHECK_EQ(set(b, LOCK_WHOLE, F_RDLCK, 0, INT64_MAX), 0); /* down: others may share */
    CHECK_EQ(set(a, LOCK_WHOLE, F_RDLCK, 0, INT64_MAX), 0);
    file_put(a);
    file_put(b);
}

static struct file *holder;
static unsigned waits;

static void release_third_time(void)
{
    waits++;
    if (waits == 2) { /* a release of something else: the sleeper looks and sleeps again */
        CHECK_EQ(set(holder, LOCK_OF_FILE, F_UNLCK, 50, 60), 0);
    }
    if (waits == 3) {
        CHECK_EQ(set(holder, LOCK_OF_FILE, F_UNLCK, 0, 5), 0);
    }
}

static void interrupt(void)
{
    fake_signal_pending = true;
}

static void waiting(void)
{
    struct lock_range want = {F_WRLCK, 3, 4};
    struct file *f = open_one(&object);
    holder = open_one(&object);
    waits = 0;
    CHECK_EQ(set(holder, LOCK_OF_FILE, F_RDLCK, 0, 99), 0);
    fake_on_wait = release_third_time;
    CHECK_EQ(lock_set(f, LOCK_OF_PROCESS, &want, true), 0);
    CHECK_EQ(waits, 3);
    want = (struct lock_range){F_WRLCK, 70, 70};
    fake_on_wait = interrupt;
    CHECK_EQ(lock_set(f, LOCK_OF_PROCESS, &want, true), -EINTR);
    fake_signal_pending = false;
    check_range(ask(holder, LOCK_OF_FILE, F_RDLCK, 0, 99), F_WRLCK, 3, 4);
    lock_forget(f);
    file_put(f);
    file_put(holder);
}

static void out_of_memory(void)
{
    struct file *f = open_one(&object);
    struct file *g = open_one(&object);
    int err = -ENOMEM;
    CHECK_EQ(set(f, LOCK_OF_FILE, F_WRLCK, 0, 99), 0);
    for (unsigned long n = 1; err != 0; n++) {
        heap_fail_after(n);
        err = set(f, LOCK_OF_FILE, F_UNLCK, 40, 49);
        heap_fail_after(0);
        CHECK(err == 0 || err == -ENOMEM);
        check_range(ask(g, LOCK_OF_FILE, F_RDLCK, 0, 99), F_WRLCK, 0, err == 0 ? 39 : 99);
        CHECK(n < 10);
    }
    file_put(f);
    file_put(g);
}

TESTS(ranges, merge_and_split, worlds, flock_conversion, waiting, out_of_memory)
