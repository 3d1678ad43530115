/* SPDX-License-Identifier: MIT */
/* Crash reports. The backtrace follows the chain of frame pointers while it looks like one, then
 * scans the stack for words that point behind a call instruction: programs are mostly built without
 * frame pointers. All reads of the program go through uaccess, so a wrecked stack only shortens
 * it. */
#include "kernel/crash.h"

#include "kernel/base/print.h"
#include "kernel/mmap.h"
#include "kernel/trap.h"
#include "kernel/uaccess.h"

#define MAX_CALLERS 24
#define SCAN_WORDS 512
#define LINE_LEN 256
#define MAP_LINES 64

static long (*describe)(uint64_t addr, char *buf, size_t cap);

void crash_set_symbols(long (*fn)(uint64_t addr, char *buf, size_t cap))
{
    describe = fn;
}

static void report_address(const char *what, uint64_t addr)
{
    char text[LINE_LEN];
    if (describe != NULL && describe(addr, text, sizeof(text)) > 0) {
        log(SIGNAL, ERROR, "  %s %016lx %s", what, addr, text);
        return;
    }
    log(SIGNAL, ERROR, "  %s %016lx", what, addr);
}

/* Is addr behind a call: e8 rel32, or ff /2 in its two- to seven-byte forms? */
static bool follows_call(uint64_t addr)
{
    uint8_t code[7];
    if (addr < USER_MIN + sizeof(code) ||
        uaccess_read(code, uptr(void, addr - sizeof(code)), sizeof(code)) != 0) {
        return false;
    }
    if (code[2] == 0xe8) {
        return true;
    }
    for (unsigned len = 2; len <= 7; len++) {
        if (code[7 - len] == 0xff && (code[8 - len] & 0x38) == 0x10) {
            return true;
        }
    }
    return false;
}

static bool executable(uint64_t addr)
{
    char line[LINE_LEN];
    uint64_t next;
    if (mmap_describe(addr, line, sizeof(line), &next) < 0) {
        return false;
    }
    uint64_t start = 0;
    const char *p = line;
    for (; *p != '-' && *p != 0; p++) {
        start = start << 4 | (uint64_t)(*p <= '9' ? *p - '0' : *p - 'a' + 10);
    }
    while (*p != ' ' && *p != 0) {
        p++;
    }
    return addr >= start && *p == ' ' && p[3] == 'x';
}

static unsigned follow_frames(const struct frame *f, uint64_t *rsp)
{
    uint64_t fp = f->rbp;
    unsigned n = 0;
    while (n < MAX_CALLERS && fp >= *rsp && (fp & 7) == 0) {
        uint64_t pair[2];
        if (uaccess_read(pair, uptr(void, fp), sizeof(pair)) != 0 || !executable(pair[1]) ||
            !follows_call(pair[1])) {
            break;
        }
        report_address("from", pair[1]);
        n++;
        *rsp = fp + sizeof(pair);
        fp = pair[0];
    }
    return n;
}

static void report_backtrace(const struct frame *f)
{
    uint64_t rsp = align_down(f->rsp, 8);
    report_address("at  ", trap_site_rip(f->rip));
    unsigned n = follow_frames(f, &rsp);
    for (unsigned i = 0; i < SCAN_WORDS && n < MAX_CALLERS; i++, rsp += 8) {
        uint64_t word;
        if (uaccess_read(&word, uptr(void, rsp), sizeof(word)) != 0) {
            break;
        }
        if (word >= USER_MIN && word < USER_MAX && executable(word) && follows_call(word)) {
            report_address("from", word);
            n++;
        }
    }
}

void crash_report(int sig, const siginfo_t *info, const struct frame *f)
{
    bool has_address = sig == SIGSEGV || sig == SIGBUS || sig == SIGFPE || sig == SIGILL;
    if (has_address && info->si_code > 0 && info->si_code != SI_KERNEL) {
        log(SIGNAL, ERROR, "killed by %s (%d), code %d, address %016lx", signal_name(sig), sig,
            info->si_code, (uint64_t)(uintptr_t)info->si_addr);
    } else {
        log(SIGNAL, ERROR, "killed by %s (%d), code %d", signal_name(sig), sig, info->si_code);
    }
    log(SIGNAL, ERROR, "  rax %016lx rbx %016lx rcx %016lx rdx %016lx", f->rax, f->rbx, f->rcx,
        f->rdx);
    log(SIGNAL, ERROR, "  rsi %016lx rdi %016lx rbp %016lx rsp %016lx", f->rsi, f->rdi, f->rbp,
        f->rsp);
    log(SIGNAL, ERROR, "  r8  %016lx r9  %016lx r10 %016lx r11 %016lx", f->r8, f->r9, f->r10,
        f->r11);
    log(SIGNAL, ERROR, "  r12 %016lx r13 %016lx r14 %016lx r15 %016lx", f->r12, f->r13, f->r14,
        f->r15);
    log(SIGNAL, ERROR, "  rip %016lx flags %lx", trap_site_rip(f->rip), f->rflags);
    report_backtrace(f);
    log(SIGNAL, ERROR, "  map:");
    uint64_t at = 0;
    char line[LINE_LEN];
    for (unsigned i = 0; i < MAP_LINES && mmap_describe(at, line, sizeof(line), &at) > 0; i++) {
        size_t len = 0;
        while (line[len] != 0 && line[len] != '\n') {
            len++;
        }
        line[len] = 0;
        log(SIGNAL, ERROR, "    %s", line);
    }
}

void __stack_chk_fail(void); /* the compiler's name for what its stack protector calls */

NORETURN void __stack_chk_fail(void)
{
    panic("a kernel stack was overwritten");
}
