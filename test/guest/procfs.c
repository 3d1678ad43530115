// SPDX-License-Identifier: MIT
// cflags: -pthread
/* /proc: that each file has the form programs parse and agrees with what the calls say. Values
 * differ from machine to machine, so conditions are printed. Source: proc(5), sysconf(3). */
#define _GNU_SOURCE
#include <dirent.h>
#include <elf.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "test/guest/show.h"
#include "test/guest/slurp.h"

#define STAT_FIELDS 52
#define THREADS 3

static sem_t started, finish;

/* The rest of the line that starts with key, NULL when there is none. */
static const char *line_of(const char *key)
{
    size_t len = strlen(key);
    for (const char *at = text; at != NULL; at = strchr(at, '\n')) {
        at += *at == '\n';
        if (strncmp(at, key, len) == 0)
            return at + len;
    }
    return NULL;
}

static long number_of(const char *key)
{
    const char *value = line_of(key);
    return value != NULL ? strtol(value, NULL, 0) : -1;
}

static bool same_file(const char *a, const char *b)
{
    struct stat x, y;
    return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

static void test_links(void)
{
    char target[PATH_MAX], cwd[PATH_MAX];
    unsigned char ident[SELFMAG];
    long n = readlink("/proc/self/exe", target, sizeof target - 1);
    TRUE(n > 0 && target[0] == '/');
    target[n > 0 ? n : 0] = 0;
    TRUE(same_file("/proc/self/exe", target));
    int fd = open("/proc/self/exe", O_RDONLY);
    SHOW(read(fd, ident, SELFMAG));
    TRUE(memcmp(ident, ELFMAG, SELFMAG) == 0);
    close(fd);
    SHOW(open("/proc/self/exe", O_WRONLY));
    SHOW(truncate("/proc/self/exe", 0));
    SHOW(chdir("/proc/self"));
    SHOW(chdir("/tmp"));
    n = readlink("/proc/self/cwd", target, sizeof target - 1);
    target[n > 0 ? n : 0] = 0;
    TRUE(strcmp(target, getcwd(cwd, sizeof cwd)) == 0);
    TRUE(same_file("/proc/self/cwd", "/tmp"));
    TRUE(same_file("/proc/self/cwd/..", "/"));
    n = readlink("/proc/self/root", target, sizeof target);
    TRUE(n == 1 && target[0] == '/');
    SHOW(readlink("/proc/self/exe", target, 1));
    SHOW(readlink("/proc/self/maps", target, 1));
    n = readlink("/proc/self", target, sizeof target - 1);
    target[n > 0 ? n : 0] = 0;
    TRUE(atoi(target) == getpid());
}

static void test_arguments(int argc, char **argv)
{
    long len = slurp("/proc/self/cmdline");
    size_t at = 0;
    bool same = true;
    for (int i = 0; i < argc; i++) {
        same = same && strcmp(text + at, argv[i]) == 0;
        at += strlen(argv[i]) + 1;
    }
    TRUE(same && len == (long)at);
    len = slurp("/proc/self/environ");
    at = 0;
    same = true;
    for (char **e = environ; *e != NULL; e++) {
        same = same && strcmp(text + at, *e) == 0;
        at += strlen(*e) + 1;
    }
    TRUE(same && len == (long)at);
    len = slurp("/proc/self/auxv");
    SHOW(len % (long)sizeof(Elf64_auxv_t));
    const Elf64_auxv_t *aux = (const void *)text;
    bool entry = false, page = false;
    for (; aux->a_type != AT_NULL; aux++) {
        entry = entry || (aux->a_type == AT_ENTRY && aux->a_un.a_val == getauxval(AT_ENTRY));
        page = page || (aux->a_type == AT_PAGESZ && aux->a_un.a_val == 4096);
    }
    TRUE(entry && page);
    TRUE((const char *)(aux + 1) == text + len);
}

/* One mapping of /proc/self/maps. */
struct region {
    unsigned long start, end, offset, inode;
    char prot[5], name[PATH_MAX];
};

static bool parse_region(const char *line, struct region *r)
{
    unsigned major, minor;
    r->name[0] = 0;
    return sscanf(line, "%lx-%lx %4s %lx %x:%x %lu %4095[^\n]", &r->start, &r->end, r->prot,
                  &r->offset, &major, &minor, &r->inode, r->name) >= 7;
}

static bool inside(const struct region *r, const void *p)
{
    return (unsigned long)p >= r->start && (unsigned long)p < r->end;
}

static void test_maps(void)
{
    static char exe[PATH_MAX], copy[sizeof text];
    long n = readlink("/proc/self/exe", exe, sizeof exe - 1);
    exe[n > 0 ? n : 0] = 0;
    int on_stack = 0;
    bool parsed = true, sorted = true, both = false;
    bool stack = false, vdso = false, heap = false, code = false, data = false, mapped = false;
    unsigned long before = 0;
    char *brk_end = (char *)syscall(SYS_brk, syscall(SYS_brk, 0) + 8192) - 1;
    char *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    TRUE(slurp("/proc/self/maps") > 0);
    strcpy(copy, text);
    for (char *line = strtok(copy, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        struct region r;
        parsed = parsed && parse_region(line, &r);
        sorted = sorted && r.start >= before && r.end > r.start;
        before = r.end;
        both = both || (r.prot[1] == 'w' && r.prot[2] == 'x');
        stack = stack || (inside(&r, &on_stack) && strcmp(r.name, "[stack]") == 0);
        heap = heap || (inside(&r, brk_end) && strcmp(r.name, "[heap]") == 0);
        vdso = vdso || (inside(&r, (void *)getauxval(AT_SYSINFO_EHDR)) &&
                        strcmp(r.name, "[vdso]") == 0 && strcmp(r.prot, "r-xp") == 0);
        code = code || (inside(&r, (void *)test_maps) && strcmp(r.name, exe) == 0 &&
                        strcmp(r.prot, "r-xp") == 0 && r.inode != 0);
        data = data || (inside(&r, text) && strcmp(r.prot, "rw-p") == 0);
        mapped = mapped || (inside(&r, page) && strcmp(r.prot, "r--p") == 0 && r.inode == 0);
    }
    TRUE(parsed);
    TRUE(sorted);
    TRUE(!both);
    TRUE(stack);
    TRUE(vdso);
    TRUE(heap);
    TRUE(code);
    TRUE(data);
    TRUE(mapped);
    TRUE(slurp("/proc/self/smaps") > 0 && number_of("Rss:") >= 0 && line_of("VmFlags:") != NULL);
    TRUE(slurp("/proc/self/smaps_rollup") > 0 && number_of("Rss:") > 0);
    munmap(page, 4096);
}

static void test_stat(void)
{
    char state, name[32];
    int pid, ppid, pgrp, session, used = 0, fields = 0;
    prctl(PR_SET_NAME, "a (b) c");
    TRUE(slurp("/proc/self/stat") > 0);
    const char *end = strrchr(text, ')');
    SHOW(sscanf(text, "%d (", &pid));
    TRUE(pid == getpid());
    TRUE(end != NULL && strstr(text, "(a (b) c)") != NULL);
    SHOW(sscanf(end + 1, " %c %d %d %d%n", &state, &ppid, &pgrp, &session, &used));
    TRUE(state == 'R' && ppid == getppid() && pgrp == getpgrp() && session == getsid(0));
    for (const char *at = end + 1; *at != 0; at++)
        fields += at[0] == ' ' && at[1] != 0;
    SHOW(fields + 2);
    TRUE(fields + 2 == STAT_FIELDS);
    TRUE(slurp("/proc/self/comm") > 0 && strcmp(text, "a (b) c\n") == 0);
    int fd = open("/proc/self/comm", O_WRONLY);
    SHOW(write(fd, "a-name-of-more-than-fifteen", 27));
    close(fd);
    SHOW(prctl(PR_GET_NAME, name));
    puts(name);
    unsigned long statm[7];
    slurp("/proc/self/statm");
    SHOW(sscanf(text, "%lu %lu %lu %lu %lu %lu %lu", &statm[0], &statm[1], &statm[2], &statm[3],
                &statm[4], &statm[5], &statm[6]));
    TRUE(statm[0] >= statm[1] && statm[1] > 0 && statm[3] > 0 && statm[5] > 0);
}

static void test_status(void)
{
    static const char *const keys[] = {"Name:\t",
                                       "Umask:\t",
                                       "State:\t",
                                       "Tgid:\t",
                                       "Pid:\t",
                                       "PPid:\t",
                                       "Uid:\t",
                                       "Gid:\t",
                                       "FDSize:\t",
                                       "Groups:\t",
                                       "VmPeak:\t",
                                       "VmSize:\t",
                                       "VmHWM:\t",
                                       "VmRSS:\t",
                                       "RssAnon:\t",
                                       "VmData:\t",
                                       "VmStk:\t",
                                       "VmExe:\t",
                                       "VmLib:\t",
                                       "VmSwap:\t",
                                       "Threads:\t",
                                       "SigQ:\t",
                                       "SigPnd:\t",
                                       "SigBlk:\t",
                                       "SigIgn:\t",
                                       "SigCgt:\t",
                                       "CapPrm:\t",
                                       "CapEff:\t",
                                       "CapBnd:\t",
                                       "NoNewPrivs:\t",
                                       "Seccomp:\t",
                                       "Cpus_allowed:\t",
                                       "Cpus_allowed_list:\t",
                                       "voluntary_ctxt_switches:\t",
                                       "nonvoluntary_ctxt_switches:\t"};
    unsigned ids[4];
    slurp("/proc/self/status");
    for (unsigned i = 0; i < sizeof keys / sizeof *keys; i++)
        printf("%s %s\n", keys[i], line_of(keys[i]) != NULL ? "there" : "MISSING");
    TRUE(number_of("Pid:\t") == getpid() && number_of("Tgid:\t") == getpid());
    TRUE(number_of("PPid:\t") == getppid());
    TRUE(number_of("VmSize:") >= number_of("VmRSS:") && number_of("VmRSS:") > 0);
    TRUE(number_of("VmPeak:") >= number_of("VmSize:"));
    SHOW(number_of("Threads:"));
    SHOW(sscanf(line_of("Uid:"), "%u %u %u %u", &ids[0], &ids[1], &ids[2], &ids[3]));
    TRUE(ids[0] == getuid() && ids[1] == geteuid());
}

static int count_names(const char *name)
{
    DIR *d = opendir(name);
    int n = 0;
    for (struct dirent *e; d != NULL && (e = readdir(d)) != NULL;)
        n += e->d_name[0] != '.';
    if (d != NULL)
        closedir(d);
    return n;
}

static void test_descriptors(void)
{
    char name[64], target[PATH_MAX];
    int before = count_names("/proc/self/fd");
    int fd = open("/etc/passwd", O_RDONLY | O_CLOEXEC);
    SHOW(count_names("/proc/self/fd") - before);
    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    long n = readlink(name, target, sizeof target - 1);
    target[n > 0 ? n : 0] = 0;
    puts(target);
    lseek(fd, 5, SEEK_SET);
    snprintf(name, sizeof name, "/proc/self/fdinfo/%d", fd);
    TRUE(slurp(name) > 0);
    SHOW(number_of("pos:\t"));
    TRUE(line_of("flags:\t") != NULL && strtol(line_of("flags:\t"), NULL, 8) == 02100000);
    TRUE(line_of("mnt_id:\t") != NULL);
    close(fd);
    SHOW(slurp(name));
    SHOW(count_names("/proc/self/fd") - before);
    SHOW(open("/proc/self/fd/x", O_RDONLY));
}

static void *idle(void *name)
{
    char comm[64] = ""; /* two threads are here at once */
    prctl(PR_SET_NAME, name);
    sem_post(&started);
    sem_wait(&finish);
    int fd = open("/proc/thread-self/comm", O_RDONLY);
    ssize_t n = read(fd, comm, sizeof comm - 1);
    close(fd);
    return (void *)(n > 0 && strncmp(comm, name, (size_t)n - 1) == 0 ? "own" : "ANOTHER");
}

/* The number of tasks whose comm is name. */
static int tasks_named(const char *name)
{
    char path[300];
    int n = 0;
    DIR *d = opendir("/proc/self/task");
    for (struct dirent *e; d != NULL && (e = readdir(d)) != NULL;) {
        snprintf(path, sizeof path, "/proc/self/task/%s/comm", e->d_name);
        n += e->d_name[0] != '.' && slurp(path) > 0 && strcmp(text, name) == 0;
    }
    if (d != NULL)
        closedir(d);
    return n;
}

static void test_threads(void)
{
    static char names[THREADS][16] = {"first", "second", "third"};
    pthread_t threads[THREADS];
    char path[64];
    struct stat st;
    sem_init(&started, 0, 0);
    sem_init(&finish, 0, 0);
    SHOW(count_names("/proc/self/task"));
    SHOW(stat("/proc/self/task", &st));
    SHOW(st.st_nlink);
    for (int i = 0; i < THREADS; i++) {
        pthread_create(&threads[i], NULL, idle, names[i]);
        sem_wait(&started);
    }
    SHOW(count_names("/proc/self/task"));
    SHOW(stat("/proc/self/task", &st));
    SHOW(st.st_nlink);
    slurp("/proc/self/status");
    SHOW(number_of("Threads:"));
    slurp("/proc/self/stat");
    long count = 0;
    SHOW(sscanf(strrchr(text, ')') + 1,
                " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d "
                "%*d %*d %*d %ld",
                &count));
    SHOW(count);
    SHOW(tasks_named("second\n"));
    SHOW(tasks_named("fourth\n"));
    snprintf(path, sizeof path, "/proc/self/task/%d/status", getpid());
    TRUE(slurp(path) > 0 && number_of("Pid:\t") == getpid());
    int fd = open("/proc/self/task/1/comm", O_RDONLY);
    TRUE(fd < 0 || getpid() == 1);
    for (int i = 0; i < THREADS; i++) {
        void *own;
        sem_post(&finish);
        if (i == THREADS - 1)
            for (int k = 0; k < THREADS; k++) {
                pthread_join(threads[k], &own);
                puts(own);
            }
    }
    slurp("/proc/self/status");
    SHOW(number_of("Threads:"));
    SHOW(count_names("/proc/self/task"));
}

static void test_limits(void)
{
    static const char *const keys[] = {
        "Max cpu time ",       "Max file size ",     "Max data size ",       "Max stack size ",
        "Max core file size ", "Max resident set ",  "Max processes ",       "Max open files ",
        "Max locked memory ",  "Max address space ", "Max pending signals ", "Max nice priority "};
    struct rlimit r = {300, 400};
    SHOW(setrlimit(RLIMIT_NOFILE, &r));
    TRUE(slurp("/proc/self/limits") > 0);
    for (unsigned i = 0; i < sizeof keys / sizeof *keys; i++)
        printf("%s %s\n", keys[i], line_of(keys[i]) != NULL ? "there" : "MISSING");
    printf("%.60s\n", line_of("Limit"));
    printf("%.60s\n", line_of("Max open files"));
}

static void test_mounts(void)
{
    char source[256], place[256], type[64], options[256];
    int freq, pass, lines = 0, parsed = 0;
    bool proc = false; /* "/" need not be there: the tests may run in a chroot(2) */
    TRUE(slurp("/proc/self/mounts") > 0);
    for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        lines++;
        parsed += sscanf(line, "%255s %255s %63s %255s %d %d", source, place, type, options, &freq,
                         &pass) == 6;
        proc = proc || (strcmp(place, "/proc") == 0 && strcmp(type, "proc") == 0);
    }
    TRUE(lines == parsed && proc);
    TRUE(slurp("/proc/mounts") > 0);
    TRUE(slurp("/proc/self/mountinfo") > 0 && strstr(text, " - proc ") != NULL);
    TRUE(slurp("/proc/filesystems") > 0 && strstr(text, "nodev\tproc\n") != NULL);
}

static void test_machine(void)
{
    double up = 0, idle_time = 0;
    long total, available;
    int processors = 0;
    TRUE(slurp("/proc/cpuinfo") > 0);
    for (const char *at = text; (at = strstr(at, "processor\t: ")) != NULL; at++)
        processors++;
    TRUE(processors == sysconf(_SC_NPROCESSORS_CONF));
    TRUE(line_of("vendor_id\t: ") != NULL && line_of("flags\t\t: ") != NULL);
    TRUE(line_of("model name\t: ") != NULL && line_of("cpu MHz\t\t: ") != NULL);
    TRUE(strstr(line_of("flags\t\t:"), " sse2 ") != NULL);
    TRUE(slurp("/proc/meminfo") > 0);
    total = number_of("MemTotal:");
    available = number_of("MemAvailable:");
    TRUE(total > 0 && available > 0 && available <= total && number_of("MemFree:") <= total);
    TRUE(number_of("SwapTotal:") >= 0 && number_of("Buffers:") >= 0 && number_of("Cached:") >= 0);
    TRUE(sysconf(_SC_PHYS_PAGES) > 0 && sysconf(_SC_PHYS_PAGES) <= total / 4);
    TRUE(sysconf(_SC_AVPHYS_PAGES) > 0 && sysconf(_SC_AVPHYS_PAGES) <= sysconf(_SC_PHYS_PAGES));
    TRUE(slurp("/proc/uptime") > 0);
    SHOW(sscanf(text, "%lf %lf", &up, &idle_time));
    TRUE(up > 0 && idle_time >= 0);
    TRUE(slurp("/proc/version") > 0 && strncmp(text, "Linux version ", 14) == 0);
    TRUE(slurp("/proc/stat") > 0 && line_of("cpu  ") != NULL && line_of("cpu0 ") != NULL);
    TRUE(number_of("btime ") > 1000000000 && number_of("ctxt ") >= 0);
    TRUE(number_of("processes ") > 0);
    double load[3];
    slurp("/proc/loadavg");
    SHOW(sscanf(text, "%lf %lf %lf", &load[0], &load[1], &load[2]));
}

static void test_sysconf(void)
{
    SHOW(sysconf(_SC_PAGESIZE));
    SHOW(sysconf(_SC_CLK_TCK));
    SHOW(sysconf(_SC_OPEN_MAX)); /* as test_limits set it */
    TRUE(sysconf(_SC_ARG_MAX) >= 131072);
    TRUE(sysconf(_SC_NPROCESSORS_ONLN) >= 1);
    TRUE(sysconf(_SC_NPROCESSORS_ONLN) <= sysconf(_SC_NPROCESSORS_CONF));
    SHOW(sysconf(_SC_IOV_MAX));
    SHOW(sysconf(_SC_HOST_NAME_MAX));
    TRUE(sysconf(_SC_MONOTONIC_CLOCK) > 0);
    TRUE(getauxval(AT_MINSIGSTKSZ) >= 1024);
    TRUE(pathconf("/tmp", _PC_NAME_MAX) == 255 && pathconf("/tmp", _PC_PATH_MAX) == 4096);
}

static void test_refusals(void)
{
    struct stat st;
    SHOW(open("/proc/none", O_RDONLY));
    SHOW(open("/proc/none", O_RDWR | O_CREAT, 0600));
    SHOW(mkdir("/proc/dir", 0700));
    SHOW(unlink("/proc/uptime"));
    SHOW(unlink("/proc/none"));
    SHOW(rmdir("/proc/self"));
    SHOW(symlink("x", "/proc/none"));
    SHOW(rename("/proc/uptime", "/proc/none"));
    SHOW(link("/proc/uptime", "/proc/none"));
    SHOW(mkdir("/proc/uptime", 0700));
    SHOW(stat("/proc/self/maps", &st));
    printf("%o %ld\n", st.st_mode, (long)st.st_size);
    SHOW(stat("/proc/self/fd", &st));
    printf("%o\n", st.st_mode);
    SHOW(stat("/proc/999999999", &st));
    int fd = open("/proc/version", O_RDONLY);
    SHOW(lseek(fd, 6, SEEK_SET));
    SHOW(read(fd, text, 7));
    printf("%.7s\n", text);
    SHOW(pread(fd, text, 5, 0));
    printf("%.5s\n", text);
    SHOW(write(fd, "x", 1));
    close(fd);
}

int main(int argc, char **argv)
{
    test_links();
    test_arguments(argc, argv);
    test_maps();
    test_stat();
    test_status();
    test_descriptors();
    test_threads();
    test_limits();
    test_mounts();
    test_machine();
    test_sysconf();
    test_refusals();
    return 0;
}
