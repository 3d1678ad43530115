/* SPDX-License-Identifier: MIT */
// args: first "second argument" ""
// env: GREETING=hello EMPTY=
/* Identity, limits, usage, prctl, uname, getrandom, the auxiliary vector, arguments. What needs
 * privilege is tried only with this process's own ids. Source: the manual page of each call. */
#define _GNU_SOURCE
#include <asm/prctl.h>
#include <elf.h>
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/time.h>
#include <sys/times.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test/guest/show.h"

#define BAD_POINTER ((void *)8)

static void test_arguments(int argc, char **argv)
{
    SHOW(argc);
    for (int i = 1; i < argc; i++)
        printf("argument %d: \"%s\"\n", i, argv[i]);
    TRUE(argv[argc] == NULL);
    printf("GREETING=%s EMPTY=%s\n", getenv("GREETING"), getenv("EMPTY"));
    TRUE(getenv("NOT_THERE") == NULL);
}

static void test_auxv(void)
{
    TRUE(getauxval(AT_PAGESZ) == 4096);
    TRUE(getauxval(AT_CLKTCK) == 100);
    TRUE(getauxval(AT_UID) == getuid() && getauxval(AT_EGID) == getegid());
    TRUE(getauxval(AT_SECURE) == 0);
    TRUE(getauxval(AT_PHDR) != 0 && getauxval(AT_PHENT) == sizeof(Elf64_Phdr));
    TRUE(getauxval(AT_ENTRY) != 0);
    TRUE(getauxval(AT_RANDOM) != 0 && getauxval(AT_EXECFN) != 0);
    TRUE(getauxval(AT_SYSINFO_EHDR) != 0);
    TRUE(memcmp((void *)getauxval(AT_SYSINFO_EHDR), "\177ELF", 4) == 0);
    TRUE(strcmp((char *)getauxval(AT_PLATFORM), "x86_64") == 0);
    TRUE(getauxval(AT_HWCAP) != 0);
    TRUE(getauxval(51) >= 1024); /* AT_MINSIGSTKSZ */
    uint64_t *random = (uint64_t *)getauxval(AT_RANDOM);
    TRUE(random[0] != 0 && random[0] != random[1]);
}

static void test_ids(void)
{
    unsigned r, e, s;
    gid_t groups[64];
    TRUE(getpid() > 1);
    TRUE(getpid() == syscall(SYS_gettid));
    TRUE(getppid() >= 0);
    TRUE(getuid() == geteuid() && getgid() == getegid());
    SHOW(setuid(getuid()));
    SHOW(setgid(getgid()));
    SHOW(setreuid(-1, getuid()));
    SHOW(setregid(getgid(), -1));
    SHOW(syscall(SYS_getresuid, &r, &e, &s));
    TRUE(r == getuid() && e == r && s == r);
    SHOW(syscall(SYS_getresgid, &r, &e, &s));
    SHOW(setresuid(-1, -1, -1));
    SHOW(setresgid(-1, getgid(), -1));
    SHOW(syscall(SYS_getresuid, BAD_POINTER, &e, &s));
    TRUE((unsigned)syscall(SYS_setfsuid, -1) == getuid());
    TRUE((unsigned)syscall(SYS_setfsgid, -1) == getgid());
    TRUE(getgroups(0, NULL) >= 0 && getgroups(64, groups) == getgroups(0, NULL));
    SHOW(getgroups(-1, groups));
    TRUE(getpgrp() == getpgid(0));
    TRUE(getpgid(getpid()) == getpgrp());
    SHOW(getpgid(9999999));
    TRUE(getsid(0) > 0);
    SHOW(getsid(9999999));
    SHOW(setpgid(9999999, 0));
    SHOW(setpgid(0, -1));
}

static void test_limits(void)
{
    struct rlimit l, old;
    struct rusage u;
    SHOW(getrlimit(RLIMIT_STACK, &l));
    TRUE(l.rlim_cur >= 1 << 20 && l.rlim_cur <= l.rlim_max);
    SHOW(syscall(SYS_getrlimit, 99, &l));
    SHOW(syscall(SYS_getrlimit, RLIMIT_CORE, BAD_POINTER));
    l.rlim_cur = l.rlim_max = 0;
    SHOW(setrlimit(RLIMIT_CORE, &l));
    SHOW(syscall(SYS_prlimit64, 0, RLIMIT_CORE, NULL, &old));
    SHOW(old.rlim_max);
    l.rlim_cur = 10;
    l.rlim_max = 5;
    SHOW(setrlimit(RLIMIT_FSIZE, &l));
    SHOW(syscall(SYS_prlimit64, 0, 99, NULL, &old));
    SHOW(syscall(SYS_prlimit64, 9999999, RLIMIT_CORE, NULL, &old));
    SHOW(getrusage(RUSAGE_SELF, &u));
    TRUE(u.ru_maxrss > 0 && u.ru_minflt > 0);
    SHOW(getrusage(RUSAGE_CHILDREN, &u));
    SHOW(u.ru_utime.tv_sec);
    SHOW(getrusage(77, &u));
    SHOW(syscall(SYS_getrusage, RUSAGE_SELF, BAD_POINTER));
    SHOW(setpriority(PRIO_PROCESS, 0, 0)); /* whatever it was started with */
    SHOW(getpriority(PRIO_PROCESS, 0));
    SHOW(setpriority(PRIO_PROCESS, 0, getpriority(PRIO_PROCESS, 0)));
    SHOW(getpriority(77, 0));
    SHOW(getpriority(PRIO_PROCESS, 9999999));
}

static void test_system(void)
{
    struct utsname name;
    struct sysinfo info;
    struct tms t;
    SHOW(uname(&name));
    printf("%s %s\n", name.sysname, name.machine);
    TRUE(name.release[0] >= '4' && strchr(name.release, '.') != NULL);
    TRUE(name.nodename[0] != 0);
    SHOW(syscall(SYS_uname, BAD_POINTER));
    SHOW(syscall(SYS_sysinfo, &info));
    TRUE(info.totalram > 0 && info.freeram <= info.totalram && info.mem_unit > 0);
    TRUE(info.procs >= 1);
    SHOW(syscall(SYS_sysinfo, BAD_POINTER));
    TRUE(times(&t) != -1);
    TRUE(t.tms_cutime == 0);
    TRUE(sysconf(_SC_NPROCESSORS_ONLN) >= 1);
    TRUE(sysconf(_SC_PAGESIZE) == 4096);
    TRUE(sysconf(_SC_PHYS_PAGES) > 100);
    SHOW(syscall(SYS_sethostname, "x", -1) == -1);
    SHOW(syscall(SYS_setdomainname, "x", -1) == -1);
    SHOW(syscall(500));
    SHOW(syscall(-1));
    SHOW(syscall(100000));
}

static void test_prctl(void)
{
    char name[32] = "";
    unsigned long base = 0;
    int value = -1;
    SHOW(prctl(PR_SET_NAME, "a-very-long-thread-name"));
    SHOW(prctl(PR_GET_NAME, name));
    printf("name %s\n", name);
    SHOW(prctl(PR_SET_NAME, BAD_POINTER));
    SHOW(prctl(PR_GET_DUMPABLE));
    SHOW(prctl(PR_SET_DUMPABLE, 0));
    SHOW(prctl(PR_GET_DUMPABLE));
    SHOW(prctl(PR_SET_DUMPABLE, 5));
    SHOW(prctl(PR_GET_PDEATHSIG, &value));
    SHOW(value);
    SHOW(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
    SHOW(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    SHOW(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
    SHOW(prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0));
    SHOW(prctl(987654321, 0, 0, 0, 0));
    SHOW(syscall(SYS_arch_prctl, ARCH_GET_FS, &base));
    TRUE(base != 0);
    SHOW(syscall(SYS_arch_prctl, ARCH_SET_FS, base));
    SHOW(syscall(SYS_arch_prctl, ARCH_GET_FS, BAD_POINTER));
    SHOW(syscall(SYS_arch_prctl, ARCH_SET_FS, 0xffff800000000000));
    SHOW(syscall(SYS_arch_prctl, 0x7777, 0));
    SHOW(personality(0xffffffff));
}

static void test_capabilities(void)
{
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2];
    SHOW(syscall(SYS_capget, &header, data));
    header.version = 1;
    SHOW(syscall(SYS_capget, &header, data));
    SHOW(header.version == _LINUX_CAPABILITY_VERSION_3);
    SHOW(syscall(SYS_capget, &header, NULL));
    header.pid = -1;
    SHOW(syscall(SYS_capget, &header, data));
    SHOW(syscall(SYS_capget, BAD_POINTER, data));
}

static void test_random(void)
{
    unsigned char a[64] = {0}, b[64] = {0};
    SHOW(syscall(SYS_getrandom, a, 64, 0));
    SHOW(syscall(SYS_getrandom, b, 64, GRND_NONBLOCK));
    TRUE(memcmp(a, b, 64) != 0);
    SHOW(syscall(SYS_getrandom, b, 0, 0));
    SHOW(syscall(SYS_getrandom, b, 64, 0x100));
    SHOW(syscall(SYS_getrandom, BAD_POINTER, 64, 0));
    SHOW(syscall(SYS_getrandom, b, 64, GRND_RANDOM));
}

static void test_wait(void)
{
    int status = 0;
    siginfo_t info;
    SHOW(wait4(-1, &status, WNOHANG, NULL));
    SHOW(wait4(9999999, &status, 0, NULL));
    SHOW(wait4(-1, &status, 0x100000, NULL));
    SHOW(waitid(P_ALL, 0, &info, WEXITED));
    SHOW(waitid(P_ALL, 0, &info, 0));
    SHOW(waitid(77, 0, &info, WEXITED));
}

int main(int argc, char **argv)
{
    test_arguments(argc, argv);
    test_auxv();
    test_ids();
    test_limits();
    test_system();
    test_prctl();
    test_capabilities();
    test_random();
    test_wait();
    fflush(stdout);
    syscall(SYS_exit_group, 0x100);
    return 1;
}
