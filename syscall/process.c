/* SPDX-License-Identifier: MIT */
/* The process: pid, exit, children that do not exist, names of the machine, FS base, random
 * numbers.
 *
 * Source: getpid(2), _exit(2), wait(2), uname(2), sethostname(2), personality(2), arch_prctl(2),
 * getrandom(2). */
#include <asm/errno.h>
#include <asm/prctl.h>
#include <linux/capability.h>
#include <linux/personality.h>
#include <linux/random.h>
#include <linux/utsname.h>
#include <linux/wait.h>

#include "kernel/base/print.h"
#include "kernel/base/string.h"
#include "kernel/file.h"
#include "kernel/process.h"
#include "kernel/random.h"
#include "kernel/signal.h"
#include "kernel/thread.h"
#include "kernel/uaccess.h"
#include "platform/cpu.h"
#include "syscall/calls.h"

#define EXIT_MASK 0xff
#define RANDOM_CHUNK 256
#define RANDOM_MAX 0x7ffff000UL /* greatest transfer of one call */
#define RANDOM_FLAGS (GRND_NONBLOCK | GRND_RANDOM | GRND_INSECURE)
#define PERSONALITY_QUERY 0xffffffff
#define CPUID_ENABLED 1

long sys_getpid(void)
{
    return PROCESS_PID;
}

long sys_getppid(void)
{
    return PROCESS_PPID;
}

/* The only thread's end is the process's. */
long sys_exit(int status)
{
    thread_exit(status & EXIT_MASK);
}

long sys_exit_group(int status)
{
    process_exit(status & EXIT_MASK);
}

/* There never is a child: arguments are checked, then the answer is -ECHILD. */
long sys_wait4(int pid, int USER *status, int options, void USER *usage)
{
    const unsigned known = WNOHANG | WUNTRACED | WCONTINUED | __WNOTHREAD | __WCLONE | __WALL;

    (void)status;
    (void)usage;
    if (((unsigned)options & ~known) != 0) {
        return -EINVAL;
    }
    return pid == INT32_MIN ? -ESRCH : -ECHILD;
}

long sys_waitid(int type, int id, void USER *info, int options, void USER *usage)
{
    const unsigned events = WEXITED | WSTOPPED | WCONTINUED;
    const unsigned known = events | WNOHANG | WNOWAIT | __WNOTHREAD | __WCLONE | __WALL;

    (void)info;
    (void)usage;
    if (((unsigned)options & ~known) != 0 || ((unsigned)options & events) == 0) {
        return -EINVAL;
    }
    switch (type) {
    case P_ALL: return -ECHILD;
    case P_PID: return id <= 0 ? -EINVAL : -ECHILD;
    case P_PGID: return id < 0 ? -EINVAL : -ECHILD;
    case P_PIDFD: return id < 0 ? -EINVAL : -EBADF;
    default: return -EINVAL;
    }
}

long sys_uname(void USER *out)
{
    struct new_utsname u;

    memset(&u, 0, sizeof(u));
    static_assert(sizeof(u.nodename) == sizeof(process.hostname), "names of 64 bytes");
    (void)string_copy(u.sysname, sizeof(u.sysname), "Linux");
    (void)string_copy(u.nodename, sizeof(u.nodename), process.hostname);
    (void)string_copy(u.release, sizeof(u.release), PROCESS_RELEASE);
    (void)string_copy(u.version, sizeof(u.version), PROCESS_VERSION);
    (void)string_copy(u.machine, sizeof(u.machine), "x86_64");
    (void)string_copy(u.domainname, sizeof(u.domainname), process.domainname);
    return uaccess_write(out, &u, sizeof(u));
}

/* old[65]: the host's or the domain's name. */
static long set_name(char *old, const char USER *name, size_t len)
{
    char fresh[sizeof(process.hostname)] = {0};

    if (!process_capable(CAP_SYS_ADMIN)) {
        return -EPERM;
    }
    if (len >= sizeof(fresh)) {
        return -EINVAL;
    }
    if (uaccess_read(fresh, name, len) != 0) {
        return -EFAULT;
    }
    spin_lock(&process.lock);
    memcpy(old, fresh, sizeof(fresh));
    spin_unlock(&process.lock);
    return 0;
}

static_assert(sizeof(process.hostname) == sizeof(process.domainname), "set_name takes both");

long sys_sethostname(const char USER *name, size_t len)
{
    return set_name(process.hostname, name, len);
}

long sys_setdomainname(const char USER *name, size_t len)
{
    return set_name(process.domainname, name, len);
}

/* Only what changes nothing for the one program is accepted: ADDR_NO_RANDOMIZE would take effect at
 * the next execve(2), which there is not. */
long sys_personality(unsigned persona)
{
    static unsigned current;
    unsigned old = current;

    if (persona == PERSONALITY_QUERY) {
        return old;
    }
    if ((persona & ~ADDR_NO_RANDOMIZE) != PER_LINUX) {
        log(SYSCALL, INFO, "personality %x is not supported", persona);
        return -EINVAL;
    }
    current = persona;
    return old;
}

static long set_fs(uint64_t addr)
{
    if (addr >= USER_MAX) {
        return -EPERM;
    }
    cpu_set_fs_base(addr);
    return 0;
}

static long refuse_gs(void)
{
    static bool said;
    if (!said) {
        said = true;
        log(SYSCALL, WARN, "arch_prctl ARCH_SET_GS is refused: GS belongs to Elfin");
    }
    return -EPERM;
}

static long put_u64(uint64_t to, uint64_t value)
{
    return uaccess_write(uptr(void, to), &value, sizeof(value));
}

long sys_arch_prctl(int op, uint64_t addr)
{
    switch (op) {
    case ARCH_SET_FS: return set_fs(addr);
    case ARCH_GET_FS: return put_u64(addr, cpu_fs_base());
    case ARCH_SET_GS: return refuse_gs();
    case ARCH_GET_GS: /* what the program would find if it had set nothing */
        return put_u64(addr, 0);
    case ARCH_GET_CPUID: return CPUID_ENABLED;
    case ARCH_SET_CPUID: return -ENODEV;
    case ARCH_GET_XCOMP_SUPP:
    case ARCH_GET_XCOMP_PERM: return put_u64(addr, cpu_xsave_mask());
    default: log(SYSCALL, INFO, "arch_prctl %x is not supported", (unsigned)op); return -EINVAL;
    }
}

long sys_getrandom(void USER *buf, size_t n, unsigned flags)
{
    uint8_t chunk[RANDOM_CHUNK];
    const struct iov iov = {(void *)(uintptr_t)buf, min(n, RANDOM_MAX)};
    struct iov_iter it = {.iov = &iov, .n = 1, .total = iov.len, .user = true};
    long moved = 0;

    if ((flags & ~(unsigned)RANDOM_FLAGS) != 0 ||
        (flags & (GRND_RANDOM | GRND_INSECURE)) == (GRND_RANDOM | GRND_INSECURE)) {
        return -EINVAL;
    }
    while (iov_left(&it) != 0) {
        size_t len = min(iov_left(&it), sizeof(chunk));
        random_bytes(chunk, len);
        moved = iov_copy_to(&it, chunk, len);
        if (moved < (long)len || (is_aligned(it.done, PAGE_SIZE) && signal_pending())) {
            break;
        }
    }
    memset(chunk, 0, sizeof(chunk)); /* keys are not left on the kernel stack */
    __asm__ volatile("" : : "r"(chunk) : "memory"); /* and the compiler does not know better */
    return it.done != 0 || moved >= 0 ? (long)it.done : moved;
}
