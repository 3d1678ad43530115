/* SPDX-License-Identifier: MIT */
/* From a boot configuration to a program that is ready to run.
 *
 * Owns the order of the steps and every message about a program that cannot start. The program is
 * mapped before all else, so that a fixed address is always free. No locks: nothing else runs yet.
 *
 * Source: x86-64 psABI 3.4 (process initialisation); getauxval(3); execve(2). */
#include "loader/load.h"

#include <asm/errno.h>
#include <linux/auxvec.h>
#include <linux/elf.h>
#include <linux/mman.h>

#include "fs/vnode.h"
#include "kernel/base/print.h"
#include "kernel/base/string.h"
#include "kernel/file.h"
#include "kernel/heap.h"
#include "kernel/mmap.h"
#include "kernel/process.h"
#include "kernel/random.h"
#include "kernel/thread.h"
#include "loader/binary.h"
#include "loader/stack.h"
#include "loader/vdso.h"
#include "platform/clock.h"

#define PIE_BASE 0x555555554000UL /* two thirds of the lower half, as Linux */
#define ARGS_MIN (32 * PAGE_SIZE) /* arguments may always have this much */
#define STACK_SHIFT_MASK 0x1ff0UL
#define SIGFRAME_FIXED 936 /* of Linux's signal frame, beside the vector state */
#define USER_CS 0x33
#define USER_SS 0x2b
#define INITIAL_RFLAGS 0x202

struct start {
    const struct config *config;
    struct binary *program, *interp; /* interp NULL: static */
    char *interp_path; /* heap, NULL: static */
    uint64_t vdso;
};

static int complain(const struct start *s, int status, const char *reason)
{
    log(LOAD, ERROR, "cannot run %s: %s", s->config->exec, reason);
    return status;
}

static int complain_interp(const struct start *s, int status, const char *reason)
{
    log(LOAD, ERROR, "cannot run %s: its interpreter %s: %s", s->config->exec, s->interp_path,
        reason);
    return status;
}

/* NUL-separated copy of n strings for /proc. Returns 0 or -ENOMEM. */
static int join_strings(char *const *strings, unsigned n, char **out, size_t *out_len)
{
    size_t len = 0;
    for (unsigned i = 0; i < n; i++) {
        len += strlen(strings[i]) + 1;
    }
    char *text = heap_alloc(len + 1);
    if (text == NULL) {
        return -ENOMEM;
    }
    *out = text;
    *out_len = len;
    for (unsigned i = 0; i < n; i++) {
        size_t size = strlen(strings[i]) + 1;
        memcpy(text, strings[i], size);
        text += size;
    }
    return 0;
}

/* The current directory, and copies of the arguments for /proc. */
static int set_context(const struct start *s)
{
    const struct config *c = s->config;
    struct path cwd;

    int err = namei_walk(NULL, c->cwd, WALK_DIRECTORY, &cwd);
    if (err == 0) {
        err = namei_set_cwd(&cwd);
        path_put(&cwd);
    }
    if (err != 0) {
        log(LOAD, ERROR, "cannot run %s: no such directory to start in: %s", c->exec, c->cwd);
        return STATUS_ELFIN;
    }
    if (join_strings(c->args, c->nargs, &process.cmdline, &process.cmdline_len) != 0 ||
        join_strings(c->env, c->nenv, &process.environ, &process.environ_len) != 0) {
        return complain(s, STATUS_ELFIN, "not enough memory for its arguments");
    }
    return 0;
}

/* The names under which /proc and prctl know the program. */
static void set_names(const struct start *s)
{
    const struct path *p = vfs_file_path(s->program->file);
    const char *exe = p != NULL ? p->name : s->config->exec;
    const char *slash = strrchr(s->config->exec, '/');

    if (p != NULL) {
        p->vnode->executing = true;
    }
    (void)string_copy(process.exe, sizeof(process.exe), exe);
    (void)string_copy(thread_this()->comm, sizeof(thread_this()->comm), slash + 1);
}

/* Open both files and check them before anything is mapped. */
static int open_files(struct start *s)
{
    const char *reason;
    int status = binary_open(s->config->exec, &s->program, &reason);

    if (status == 0) {
        status = binary_interpreter(s->program, &s->interp_path, &reason);
    }
    if (status != 0) {
        return complain(s, status, reason);
    }
    if (s->interp_path == NULL) {
        return 0;
    }
    status = binary_open(s->interp_path, &s->interp, &reason);
    return status != 0 ? complain_interp(s, status, reason) : 0;
}

static int map_files(struct start *s)
{
    const char *reason;
    int status = binary_map(s->program, PIE_BASE, &reason);

    if (status != 0) {
        return complain(s, status, reason);
    }
    mmap_set_brk_start(s->program->bias + s->program->image.end);
    if (s->interp != NULL) {
        status = binary_map(s->interp, 0, &reason);
    }
    if (status != 0) {
        return complain_interp(s, status, reason);
    }
    if (vdso_map(&s->vdso) != 0) {
        return complain(s, STATUS_ELFIN, "not enough memory for the vDSO");
    }
    return 0;
}

/* Feature bits of CPUID leaf 1, EDX: what x86-64 has as AT_HWCAP. */
static uint32_t hwcap(void)
{
    uint32_t a = 1;
    uint32_t b;
    uint32_t c = 0;
    uint32_t d;
    __asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
    return d;
}

static void add_aux(struct stack_input *in, uint64_t type, uint64_t value)
{
    assert(in->naux < STACK_MAX_AUX);
    in->aux[in->naux][0] = type;
    in->aux[in->naux][1] = value;
    in->naux++;
}

/* AT_HWCAP2 is 0: its bit 1 would allow WRGSBASE, but GS is the kernel's. */
static void fill_aux(const struct start *s, struct stack_input *in)
{
    const struct elf_image *image = &s->program->image;
    uint64_t bias = s->program->bias;

    if (s->vdso != 0) {
        add_aux(in, AT_SYSINFO_EHDR, s->vdso);
    }
    add_aux(in, AT_MINSIGSTKSZ, cpu_xsave_size() + SIGFRAME_FIXED);
    add_aux(in, AT_HWCAP, hwcap());
    add_aux(in, AT_PAGESZ, PAGE_SIZE);
    add_aux(in, AT_CLKTCK, PROCESS_USER_HZ);
    add_aux(in, AT_PHDR, image->phdr_vaddr == 0 ? 0 : bias + image->phdr_vaddr);
    add_aux(in, AT_PHENT, sizeof(Elf64_Phdr));
    add_aux(in, AT_PHNUM, image->phnum);
    add_aux(in, AT_BASE, s->interp == NULL ? 0 : s->interp->bias);
    add_aux(in, AT_FLAGS, 0);
    add_aux(in, AT_ENTRY, bias + image->entry);
    add_aux(in, AT_UID, process.uid);
    add_aux(in, AT_EUID, process.euid);
    add_aux(in, AT_GID, process.gid);
    add_aux(in, AT_EGID, process.egid);
    add_aux(in, AT_SECURE, 0);
    add_aux(in, AT_HWCAP2, 0);
}

/* The program's code needs an executable stack (trampolines of nested functions). */
static void make_stack_executable(const struct start *s, uint64_t top)
{
    int prot = PROT_READ | PROT_WRITE | PROT_EXEC | PROT_GROWSDOWN;
    if (mmap_protect(top - PAGE_SIZE, PAGE_SIZE, prot) != 0) {
        log(LOAD, WARN, "%s asks for an executable stack and does not get it", s->config->exec);
    }
}

static int build_stack(const struct start *s, uint64_t *rsp)
{
    const struct config *c = s->config;
    struct stack_output output;
    struct stack_input in = {.args = c->args,
                             .env = c->env,
                             .nargs = c->nargs,
                             .nenv = c->nenv,
                             .exec = c->exec,
                             .platform = "x86_64",
                             .room = max(c->stack_limit / 4, ARGS_MIN),
                             .shift = random_u64() & STACK_SHIFT_MASK};

    if (mmap_stack(c->stack_limit, &in.top) != 0) {
        return complain(s, STATUS_ELFIN, "not enough memory for its stack");
    }
    random_bytes(in.random, sizeof(in.random));
    fill_aux(s, &in);
    int err = stack_build(&in, &output);
    if (err == -E2BIG) {
        return complain(s, STATUS_NOT_EXECUTABLE, "argument list too long");
    }
    if (err != 0) {
        return complain(s, STATUS_ELFIN, "not enough memory for its stack");
    }
    if (s->program->image.stack == ELF_STACK_EXEC) {
        make_stack_executable(s, in.top);
    }
    static_assert(sizeof(output.auxv) <= sizeof(process.auxv), "/proc/self/auxv holds all pairs");
    memcpy(process.auxv, output.auxv, sizeof(output.auxv));
    *rsp = output.rsp;
    return 0;
}

static int start_program(struct start *s, struct frame *out)
{
    uint64_t rsp;
    int status = set_context(s);

    if (status == 0) {
        status = open_files(s);
    }
    if (status == 0) {
        set_names(s);
        status = map_files(s);
    }
    if (status == 0) {
        status = build_stack(s, &rsp);
    }
    if (status != 0) {
        return status;
    }
    const struct binary *first = s->interp != NULL ? s->interp : s->program;
    memset(out, 0, sizeof(*out));
    out->rip = first->bias + first->image.entry;
    out->rsp = rsp;
    out->rflags = INITIAL_RFLAGS;
    out->cs = USER_CS;
    out->ss = USER_SS;
    process.start_ns = clock_ns();
    return 0;
}

int loader_run(const struct config *c, struct frame *out)
{
    struct start s = {.config = c};
    int status = start_program(&s, out);

    binary_close(s.program);
    binary_close(s.interp);
    heap_free(s.interp_path);
    return status;
}
