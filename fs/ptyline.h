/* SPDX-License-Identifier: MIT */
/* The line discipline of a pseudo terminal: what lies between its two ends. */
#ifndef FS_PTYLINE_H
#define FS_PTYLINE_H

#include <asm/termbits.h>

#include "kernel/base/base.h"

#define PTYLINE_CAP 4096U /* of each direction, as Linux's N_TTY_BUF_SIZE */

/* All under the lock of the terminal that it is in. */
struct ptyline {
    struct termios2 settings;
    /* input that may be read: bytes, with PTYLINE_END after the last of a line */
    uint16_t input[PTYLINE_CAP]; /* ring */
    unsigned in_start, in_len;
    unsigned lines; /* ends of lines in it */
    uint8_t line[PTYLINE_CAP]; /* being edited */
    unsigned line_len;
    bool literal; /* the next byte has no meaning of its own (VLNEXT) */
    bool stopped; /* VSTOP came: output waits for VSTART */
    uint8_t output[PTYLINE_CAP]; /* ring: for the master */
    unsigned out_start, out_len;
};
#define PTYLINE_END 0x100U
#define PTYLINE_NOTHING 0x200U /* the end of a line by VEOF: no byte */

/* ptyline_init: the settings of a fresh terminal. */
void ptyline_init(struct ptyline *l);

/* ptyline_put: a byte that the master's program wrote: edited, echoed, and given to readers when
 * its line is complete. ptyline_room: how many can be put now for certain. */
void ptyline_put(struct ptyline *l, uint8_t c);
unsigned ptyline_room(const struct ptyline *l);

/* ptyline_print: a byte that the slave's program wrote, on its way to the master. False: no room
 * now. */
bool ptyline_print(struct ptyline *l, uint8_t c);

/* ptyline_ready: bytes that a read would get: of the first line, or raw. *line: there is a line,
 * though it may be empty. ptyline_take: up to cap of them. */
unsigned ptyline_ready(const struct ptyline *l, bool *line);
unsigned ptyline_take(struct ptyline *l, uint8_t *out, unsigned cap);

/* ptyline_drain: up to cap bytes for the master. */
unsigned ptyline_drain(struct ptyline *l, uint8_t *out, unsigned cap);

/* ptyline_set: other settings; what has been typed is not lost. ptyline_flush: forget input. */
void ptyline_set(struct ptyline *l, const struct termios2 *to);
void ptyline_flush(struct ptyline *l);

#endif
