/* SPDX-License-Identifier: MIT */
/* System V semaphores and shared memory between threads. Source: sysvipc(7), semget(2), semop(2),
 * semctl(2), shmget(2), shmat(2), shmctl(2). */
// cflags: -pthread
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "test/guest/show.h"

#define BAD ((void *)8)
#define PAGE 4096L
#define N_ADDS 2000

union arg {
    int val;
    struct semid_ds *buf;
    unsigned short *array;
};

static int key, set;
static volatile int alarms;

static int get(int id, int i, int cmd)
{
    return semctl(id, i, cmd, (union arg){0});
}

static int put(int id, int i, int value)
{
    return semctl(id, i, SETVAL, (union arg){.val = value});
}

static int op(int i, int change, int flags)
{
    struct sembuf b = {(unsigned short)i, (short)change, (short)flags};
    return semop(set, &b, 1);
}

static void show_values(void)
{
    unsigned short v[3];
    SHOW(semctl(set, 0, GETALL, (union arg){.array = v}));
    printf("values %d %d %d\n", v[0], v[1], v[2]);
}

static void test_sets(void)
{
    struct semid_ds d;
    SHOW(semget(key, 3, 0600));
    SHOW(semget(key, 0, IPC_CREAT | 0600));
    SHOW(semget(key, -1, IPC_CREAT | 0600));
    SHOW(semget(key, 40000, IPC_CREAT | 0600));
    set = semget(key, 3, IPC_CREAT | 0640);
    TRUE(set >= 0);
    TRUE(semget(key, 3, IPC_CREAT) == set);
    TRUE(semget(key, 0, 0) == set);
    SHOW(semget(key, 4, 0));
    SHOW(semget(key, 3, IPC_CREAT | IPC_EXCL));
    SHOW(semctl(set, 0, IPC_STAT, (union arg){.buf = &d}));
    printf("%lu semaphores, mode %o, used %s\n", (unsigned long)d.sem_nsems, d.sem_perm.mode & 0777,
           d.sem_otime != 0 ? "yes" : "no");
    TRUE(d.sem_perm.__key == key && d.sem_ctime != 0 && d.sem_perm.cuid == geteuid());
    d.sem_perm.mode = 0600;
    SHOW(semctl(set, 0, IPC_SET, (union arg){.buf = &d}));
    SHOW(semctl(set, 0, IPC_STAT, (union arg){.buf = &d}));
    printf("mode %o\n", d.sem_perm.mode & 0777);
    SHOW(semctl(set, 0, IPC_STAT, (union arg){.buf = BAD}));
    SHOW(semctl(set, 0, GETALL, (union arg){.array = BAD}));
    int other = semget(IPC_PRIVATE, 1, 0600);
    TRUE(other >= 0 && other != set);
    SHOW(semctl(other, 0, IPC_RMID));
    SHOW(semctl(other, 0, IPC_RMID));
    SHOW(get(-1, 0, GETVAL));
}

static void test_values(void)
{
    unsigned short v[3] = {5, 0, 7}, bad[3] = {1, 1, 40000};
    struct sembuf two[2] = {{0, -1, 0}, {1, -1, IPC_NOWAIT}};
    struct timespec t = {0, 20000000}, wrong = {0, -1};
    show_values();
    SHOW(semctl(set, 0, SETALL, (union arg){.array = v}));
    SHOW(semctl(set, 0, SETALL, (union arg){.array = bad}));
    show_values();
    SHOW(put(set, 1, 2));
    SHOW(get(set, 1, GETVAL));
    SHOW(put(set, 3, 2));
    SHOW(put(set, -1, 2));
    SHOW(put(set, 0, 32768));
    SHOW(put(set, 0, -1));
    TRUE(get(set, 1, GETPID) == getpid());
    SHOW(op(0, -5, 0));
    SHOW(op(0, 0, 0));
    SHOW(op(0, -1, IPC_NOWAIT));
    SHOW(op(1, 0, IPC_NOWAIT));
    SHOW(op(0, 1, SEM_UNDO));
    SHOW(op(3, 1, 0));
    SHOW(op(2, 32767, 0));
    SHOW(put(set, 1, 0));
    SHOW(semop(set, two, 2)); /* none is done */
    show_values();
    SHOW(semop(set, two, 0));
    SHOW(semop(set, BAD, 1));
    SHOW(semop(set, two, 100000));
    SHOW(semop(-1, two, 1));
    two[0] = (struct sembuf){1, -1, 0};
    SHOW(semtimedop(set, two, 1, &t));
    SHOW(semtimedop(set, two, 1, &wrong));
    struct semid_ds d;
    semctl(set, 0, IPC_STAT, (union arg){.buf = &d});
    TRUE(d.sem_otime != 0);
}

static void on_alarm(int sig)
{
    (void)sig;
    alarms++;
}

static long shared_sum;
static int inside;

static void *add(void *arg)
{
    for (int i = 0; i < N_ADDS; i++) {
        if (op(0, -1, 0) != 0)
            printf("not down: %s\n", errno_name(errno));
        if (__atomic_fetch_add(&inside, 1, __ATOMIC_SEQ_CST) != 0)
            printf("not alone\n");
        if (i % 16 == 0)
            sched_yield();
        shared_sum++;
        __atomic_fetch_sub(&inside, 1, __ATOMIC_SEQ_CST);
        if (op(0, 1, 0) != 0)
            printf("not up: %s\n", errno_name(errno));
    }
    return arg;
}

static void *wait_down(void *arg)
{
    long err = op((int)(long)arg, -1, 0) == 0 ? 0 : errno;
    return (void *)err;
}

static void *wait_zero(void *arg)
{
    long err = op((int)(long)arg, 0, 0) == 0 ? 0 : errno;
    return (void *)err;
}

static void until(int i, int cmd)
{
    struct timespec t = {0, 1000000};
    for (int n = 0; get(set, i, cmd) != 1 && n < 5000; n++)
        nanosleep(&t, NULL);
}

static void test_threads(void)
{
    pthread_t t[4];
    void *err;
    put(set, 0, 1);
    for (int i = 0; i < 4; i++)
        pthread_create(&t[i], NULL, add, NULL);
    for (int i = 0; i < 4; i++)
        pthread_join(t[i], NULL);
    printf("sum %ld\n", shared_sum);
    put(set, 0, 0);
    put(set, 1, 1);
    pthread_create(&t[0], NULL, wait_down, (void *)0);
    pthread_create(&t[1], NULL, wait_zero, (void *)1);
    until(0, GETNCNT);
    until(1, GETZCNT);
    printf("waiting %d %d\n", get(set, 0, GETNCNT), get(set, 1, GETZCNT));
    SHOW(op(0, 1, 0));
    SHOW(put(set, 1, 0));
    pthread_join(t[0], &err);
    printf("woken, error %ld\n", (long)err);
    pthread_join(t[1], &err);
    printf("woken, error %ld\n", (long)err);
    show_values();
    struct sigaction a = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};
    struct itimerval it = {.it_value = {0, 20000}};
    sigaction(SIGALRM, &a, NULL);
    setitimer(ITIMER_REAL, &it, NULL);
    SHOW(op(0, -1, 0));
    SHOW(alarms);
    pthread_create(&t[0], NULL, wait_down, (void *)0);
    until(0, GETNCNT);
    SHOW(semctl(set, 0, IPC_RMID));
    pthread_join(t[0], &err);
    TRUE((long)err == EIDRM);
    SHOW(semget(key, 0, 0));
}

static void show_segment(int id)
{
    struct shmid_ds d;
    SHOW(shmctl(id, IPC_STAT, &d));
    printf("size %zu, attached %lu, mode %o\n", (size_t)d.shm_segsz, (unsigned long)d.shm_nattch,
           d.shm_perm.mode);
}

static void test_memory(void)
{
    struct shmid_ds d;
    SHOW(shmget(key, 100, 0600));
    SHOW(shmget(key, 0, IPC_CREAT | 0600));
    int id = shmget(key, 10000, IPC_CREAT | 0600);
    TRUE(id >= 0);
    TRUE(shmget(key, 10000, 0) == id && shmget(key, 0, IPC_CREAT) == id);
    SHOW(shmget(key, 10001, 0));
    SHOW(shmget(key, 100, IPC_CREAT | IPC_EXCL | 0600));
    show_segment(id);
    char *p = shmat(id, NULL, 0);
    char *q = shmat(id, NULL, SHM_RDONLY);
    TRUE(p != (void *)-1 && q != (void *)-1 && p != q);
    strcpy(p + 9000, "shared");
    printf("%s, %d\n", q + 9000, q[0]);
    show_segment(id);
    SHOW((long)shmat(id, p, 0));
    SHOW((long)shmat(id, p + 1, 0));
    SHOW((long)shmat(id, NULL, SHM_REMAP));
    TRUE(shmat(id, p + 1, SHM_RND | SHM_REMAP) == p);
    SHOW((long)shmat(-1, NULL, 0));
    SHOW(shmdt(q + 1));
    SHOW(shmdt(q));
    SHOW(shmdt(q));
    SHOW(shmctl(id, IPC_STAT, BAD));
    shmctl(id, IPC_STAT, &d);
    TRUE(d.shm_atime != 0 && d.shm_dtime != 0 && d.shm_cpid == getpid() && d.shm_lpid == getpid());
    d.shm_perm.mode = 0400;
    SHOW(shmctl(id, IPC_SET, &d));
    SHOW(shmctl(id, SHM_LOCK, NULL));
    SHOW(shmctl(id, SHM_UNLOCK, NULL));
    SHOW(shmctl(-1, IPC_RMID, NULL));
    int gone = shmget(IPC_PRIVATE, 1 << 20, 0600);
    char *g = shmat(gone, NULL, 0);
    memset(g, 7, 1 << 20);
    SHOW(shmctl(gone, IPC_RMID, NULL));
    show_segment(gone);
    TRUE(g[12345] == 7);
    SHOW(shmdt(g));
    SHOW(shmctl(gone, IPC_STAT, &d));
    SHOW(shmdt(p));
    SHOW(shmctl(id, IPC_RMID, NULL));
}

static int attached(int id)
{
    struct shmid_ds d;
    return shmctl(id, IPC_STAT, &d) == 0 ? (int)d.shm_nattch : -errno;
}

/* A segment is attached as often as regions map it, however they came to be. */
static void test_pieces(void)
{
    int id = shmget(IPC_PRIVATE, 4 * PAGE, 0600);
    char *p = shmat(id, NULL, 0);
    strcpy(p + 3 * PAGE, "last");
    SHOW(attached(id));
    SHOW(munmap(p + PAGE, PAGE));
    SHOW(attached(id));
    SHOW(munmap(p, PAGE));
    SHOW(attached(id));
    printf("%s\n", p + 3 * PAGE);
    SHOW(mprotect(p + 3 * PAGE, PAGE, PROT_READ));
    SHOW(attached(id));
    TRUE(mmap(p + PAGE, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) ==
         p + PAGE);
    SHOW(shmdt(p + PAGE));
    SHOW(shmdt(p)); /* the rest of it */
    SHOW(attached(id));
    SHOW(msync(p + PAGE, PAGE, MS_ASYNC)); /* not its own */
    SHOW(msync(p + 3 * PAGE, PAGE, MS_ASYNC));
    munmap(p + PAGE, PAGE);
    p = shmat(id, NULL, 0);
    char *q = shmat(id, NULL, 0);
    SHOW(attached(id));
    TRUE(mmap(p, 4 * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == p);
    SHOW(attached(id));
    SHOW(shmdt(p));
    SHOW(shmctl(id, IPC_RMID, NULL));
    TRUE(strcmp(q + 3 * PAGE, "last") == 0);
    char *r = mremap(q, 4 * PAGE, 4 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, p);
    TRUE(r == p);
    SHOW(attached(id));
    SHOW(munmap(r, 3 * PAGE));
    SHOW(attached(id));
    SHOW(munmap(r + 3 * PAGE, PAGE));
    TRUE(attached(id) == -EINVAL);
}

int main(void)
{
    key = 0x454c0000 + getpid() % 32768;
    test_sets();
    test_values();
    test_threads();
    test_memory();
    test_pieces();
    return 0;
}
