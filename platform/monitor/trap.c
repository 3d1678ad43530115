/* SPDX-License-Identifier: MIT */
/* The end of the machine: a trap inside the monitor is a bug of ours, reported on the serial
 * port. */
#include "platform/monitor/monitor.h"

#define SERIAL 0x3f8
#define SERIAL_STATUS 0x3fd
#define SERIAL_ROOM 0x20 /* takes a byte; an absent port reads as all ones */
#define SERIAL_EMPTY 0x40
#define SERIAL_TRIES 1000000
#define DEBUGCON 0xe9
#define DEBUG_EXIT 0xf4
#define STATUS_OWN_ERROR 125

/* The hypervisor may take the bytes slower than they come, and drops those that do not wait. */
static void serial_wait(uint8_t state)
{
    for (unsigned i = 0; i < SERIAL_TRIES && (port_in8(SERIAL_STATUS) & state) == 0; i++) {
    }
}

static void put_char(char c)
{
    serial_wait(SERIAL_ROOM);
    port_out8(SERIAL, (uint8_t)c);
    port_out8(DEBUGCON, (uint8_t)c);
}

static void put_text(const char *s)
{
    while (*s != 0) {
        put_char(*s++);
    }
}

static void put_hex(const char *name, uint64_t value)
{
    put_text(name);
    for (int shift = 60; shift >= 0; shift -= 4) {
        put_char("0123456789abcdef"[value >> shift & 15]);
    }
}

long power_off(uint64_t status)
{
    static const struct {
        uint16_t limit;
        uint64_t base;
    } __attribute__((packed)) no_idt = {0, 0};
    __asm__ volatile("outl %0, %1" ::"a"((uint32_t)status), "Nd"((uint16_t)DEBUG_EXIT));
    __asm__ volatile("lidt %0; int3" ::"m"(no_idt)); /* no debug-exit device: triple fault */
    for (;;) {
        __asm__ volatile("cli; hlt");
    }
}

void trap_report(const struct trap_regs *r)
{
    uint64_t cr2;
    __asm__ volatile("mov %%cr2, %0" : "=r"(cr2));
    put_text("elfin: monitor: unexpected trap");
    put_hex(" ", r->vector);
    put_hex(" error ", r->error);
    put_hex("\n  rip ", r->rip);
    put_hex(" cs ", r->cs);
    put_hex(" rflags ", r->rflags);
    put_hex("\n  rsp ", r->rsp);
    put_hex(" cr2 ", cr2);
    put_hex("\n  rax ", r->rax);
    put_hex(" rbx ", r->rbx);
    put_hex(" rcx ", r->rcx);
    put_hex(" rdx ", r->rdx);
    put_hex("\n  rsi ", r->rsi);
    put_hex(" rdi ", r->rdi);
    put_hex(" rbp ", r->rbp);
    put_hex(" r8  ", r->r8);
    put_hex("\n  r9  ", r->r9);
    put_hex(" r10 ", r->r10);
    put_hex(" r11 ", r->r11);
    put_hex(" r12 ", r->r12);
    put_hex("\n  r13 ", r->r13);
    put_hex(" r14 ", r->r14);
    put_hex(" r15 ", r->r15);
    put_text("\n\001exit 125\n");
    serial_wait(SERIAL_EMPTY);
    power_off(STATUS_OWN_ERROR);
}
