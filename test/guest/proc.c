/* SPDX-License-Identifier: MIT */
/* What programs read in /proc of themselves: formats and facts that hold on any Linux, not values.
 * Source: proc(5). */
// args: one two
#define _GNU_SOURCE
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test/guest/show.h"
#include "test/guest/slurp.h"

static int link_is(const char *path, const char *expected)
{
    char target[PATH_MAX];
    ssize_t n = readlink(path, target, sizeof target - 1);
    if (n < 0)
        return 0;
    target[n] = 0;
    return strcmp(target, expected) == 0;
}

static void test_links(const char *self)
{
    char cwd[PATH_MAX], pid[32], path[64], full[PATH_MAX];
    snprintf(pid, sizeof pid, "%d", getpid());
    TRUE(link_is("/proc/self", pid));
    TRUE(getcwd(cwd, sizeof cwd) && link_is("/proc/self/cwd", cwd));
    TRUE(link_is("/proc/self/root", "/"));
    TRUE(realpath(self, full) && link_is("/proc/self/exe", full));
    int fd = open("/proc/self/exe", O_RDONLY);
    TRUE(read(fd, text, 4) == 4 && memcmp(text, "\177ELF", 4) == 0);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    TRUE(link_is(path, full));
    snprintf(path, sizeof path, "/proc/%d/fdinfo/%d", getpid(), fd);
    TRUE(slurp(path) > 0 && strstr(text, "pos:\t4\n") && strstr(text, "flags:\t"));
    close(fd);
    SHOW(readlink("/proc/self/fd/999", path, sizeof path));
    SHOW(open("/proc/self/nothing", O_RDONLY));
    SHOW(open("/proc/999999/stat", O_RDONLY));
    SHOW(open("/proc/version", O_WRONLY | O_CREAT | O_EXCL, 0600));
}

static void test_memory(const char *self)
{
    uintptr_t on_stack = (uintptr_t)&self, code = (uintptr_t)test_memory;
    uintptr_t vdso = getauxval(AT_SYSINFO_EHDR);
    int lines = 0, bad = 0, both = 0, sorted = 1, stack = 0, own = 0, has_vdso = 0;
    uint64_t last = 0;
    long len = slurp("/proc/self/maps");
    TRUE(len > 0);
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"), lines++) {
        uint64_t start, end, offset, inode;
        unsigned major, minor;
        char perms[5];
        int name = 0;
        if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %x:%x %" SCNu64 " %n", &start,
                   &end, perms, &offset, &major, &minor, &inode, &name) < 7) {
            bad++;
            continue;
        }
        sorted &= start >= last && end > start;
        last = end;
        both += perms[1] == 'w' && perms[2] == 'x';
        stack += start <= on_stack && on_stack < end && !strcmp(line + name, "[stack]") &&
                 !strncmp(perms, "rw-p", 4);
        own += start <= code && code < end && perms[2] == 'x' && strstr(line + name, "guest.proc.");
        has_vdso += start == vdso && !strcmp(line + name, "[vdso]") && perms[2] == 'x';
    }
    TRUE(lines > 3);
    SHOW(bad);
    SHOW(both);
    SHOW(sorted);
    SHOW(stack);
    SHOW(own);
    SHOW(has_vdso);
    unsigned long size = 0, resident = 0;
    TRUE(slurp("/proc/self/statm") > 0 && sscanf(text, "%lu %lu", &size, &resident) == 2);
    TRUE(size >= resident && resident > 0);
}

static void test_arguments(void)
{
    long len = slurp("/proc/self/cmdline");
    size_t first = strlen(text) + 1;
    TRUE(len == (long)first + 8 && !memcmp(text + first, "one\0two", 8));
    setenv("LATER", "not there", 1);
    TRUE(slurp("/proc/self/environ") > 0);
    TRUE(memmem(text, sizeof text, "LATER=", 6) == NULL);
    len = slurp("/proc/self/auxv");
    const unsigned long(*aux)[2] = (const void *)text;
    unsigned long page = 0;
    int n = (int)((size_t)len / sizeof aux[0]);
    for (int i = 0; i < n; i++)
        page = aux[i][0] == AT_PAGESZ ? aux[i][1] : page;
    SHOW(page);
    TRUE(n > 0 && aux[n - 1][0] == AT_NULL);
}

static void test_state(void)
{
    int pid = 0, ppid = 0, threads = 0;
    char name[64] = "", state = 0;
    TRUE(slurp("/proc/self/stat") > 0);
    TRUE(sscanf(text, "%d (%63[^)]) %c %d", &pid, name, &state, &ppid) == 4);
    TRUE(pid == getpid() && ppid == getppid() && state == 'R');
    char comm[64];
    TRUE(slurp("/proc/self/comm") > 0 && sscanf(text, "%63[^\n]", comm) == 1 &&
         !strcmp(comm, name));
    TRUE(slurp("/proc/self/status") > 0);
    char *at = strstr(text, "\nThreads:");
    TRUE(at && sscanf(at, "\nThreads: %d", &threads) == 1 && threads == 1);
    at = strstr(text, "\nUid:");
    unsigned uid = 77, euid = 77;
    TRUE(at && sscanf(at, "\nUid: %u %u", &uid, &euid) == 2 && uid == getuid() &&
         euid == geteuid());
    TRUE(strstr(text, "\nVmRSS:") && strstr(text, "\nSigBlk:") && strstr(text, "\nCapEff:"));
    TRUE(slurp("/proc/self/limits") > 0 && strstr(text, "Max open files"));
    char task[64];
    struct stat st;
    snprintf(task, sizeof task, "/proc/self/task/%d", getpid());
    SHOW(stat(task, &st));
}

static void test_machine(void)
{
    unsigned long total = 0, available = 0;
    double up = 0, idle = -1;
    TRUE(slurp("/proc/meminfo") > 0 && sscanf(text, "MemTotal: %lu kB", &total) == 1 && total > 0);
    char *at = strstr(text, "MemAvailable:");
    TRUE(at && sscanf(at, "MemAvailable: %lu kB", &available) == 1 && available <= total);
    TRUE(slurp("/proc/cpuinfo") > 0 && strstr(text, "processor\t: 0\n") && strstr(text, "flags\t"));
    TRUE(slurp("/proc/uptime") > 0 && sscanf(text, "%lf %lf", &up, &idle) == 2 && up > 0 &&
         idle >= 0);
    TRUE(slurp("/proc/version") > 0 && !strncmp(text, "Linux version ", 14));
    TRUE(slurp("/proc/stat") > 0 && !strncmp(text, "cpu ", 4) && strstr(text, "\nbtime "));
    TRUE(slurp("/proc/loadavg") > 0);
    TRUE(slurp("/proc/self/mounts") > 0 && strstr(text, " /proc proc "));
    TRUE(slurp("/proc/self/mountinfo") > 0 && strstr(text, " - proc "));
    TRUE(slurp("/proc/filesystems") > 0 && strstr(text, "tmpfs"));
    TRUE(slurp("/proc/sys/kernel/osrelease") > 0);
    TRUE(slurp("/proc/sys/kernel/random/uuid") == 37);
    TRUE(sysconf(_SC_NPROCESSORS_ONLN) >= 1 && sysconf(_SC_NPROCESSORS_CONF) >= 1);
    TRUE(sysconf(_SC_PHYS_PAGES) > 0 && sysconf(_SC_OPEN_MAX) > 0);
}

int main(int argc, char **argv)
{
    (void)argc;
    test_links(argv[0]);
    test_memory(argv[0]);
    test_arguments();
    test_state();
    test_machine();
    return 0;
}
