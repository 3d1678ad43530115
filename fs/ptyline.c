/* SPDX-License-Identifier: MIT */
/* Editing, echo, and what is done to output. Signals of keys have nobody to go to: there is no
 * second process whose controlling terminal a pseudo terminal could be. Owns nothing, takes no
 * locks. Source: termios(3). */
#include "fs/ptyline.h"

#include "fs/ttyfresh.h"
#include "kernel/base/string.h"

#define DELETE 0x7f

void ptyline_init(struct ptyline *l)
{
    memset(l, 0, sizeof(*l));
    ttyfresh_settings(&l->settings);
}

static bool has(const struct ptyline *l, tcflag_t flags)
{
    return (l->settings.c_lflag & flags) == flags;
}

/* c is the control character which, and that one is not switched off. */
static bool is(const struct ptyline *l, unsigned which, uint8_t c)
{
    return c == l->settings.c_cc[which] && c != 0;
}

static void emit(struct ptyline *l, uint8_t c)
{
    if (l->out_len < PTYLINE_CAP) { /* an echo that has no room is lost */
        l->output[(l->out_start + l->out_len++) % PTYLINE_CAP] = c;
    }
}

static void process(struct ptyline *l, uint8_t c)
{
    tcflag_t how = l->settings.c_oflag;
    if ((how & OPOST) != 0 && c == '\n' && (how & ONLCR) != 0) {
        emit(l, '\r');
    }
    emit(l, (how & (OPOST | OCRNL)) == (OPOST | OCRNL) && c == '\r' ? '\n' : c);
}

bool ptyline_print(struct ptyline *l, uint8_t c)
{
    if (l->stopped || l->out_len + 2 > PTYLINE_CAP) {
        return false;
    }
    process(l, c);
    return true;
}

static bool shown_as_two(const struct ptyline *l, uint8_t c)
{
    return has(l, ECHOCTL) && (c < ' ' || c == DELETE) && c != '\t' && c != '\n';
}

static void echo(struct ptyline *l, uint8_t c)
{
    if (shown_as_two(l, c)) {
        process(l, '^');
        process(l, c ^ 0x40);
    } else {
        process(l, c);
    }
}

/* Take the last byte of the line off the screen. */
static void wipe(struct ptyline *l, uint8_t c)
{
    for (unsigned n = shown_as_two(l, c) ? 2 : 1; n > 0; n--) {
        emit(l, '\b');
        emit(l, ' ');
        emit(l, '\b');
    }
}

static void erase_one(struct ptyline *l, bool show)
{
    uint8_t c = l->line[--l->line_len];
    if (show) {
        wipe(l, c);
    }
}

static void erase(struct ptyline *l)
{
    if (l->line_len != 0) {
        erase_one(l, has(l, ECHO | ECHOE));
        if (has(l, ECHO) && !has(l, ECHOE)) {
            echo(l, l->settings.c_cc[VERASE]);
        }
    }
}

static bool in_word(uint8_t c)
{
    return (c >= '0' && c <= '9') || c == '_' || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

static void erase_word(struct ptyline *l)
{
    bool show = has(l, ECHO | ECHOE);
    while (l->line_len != 0 && !in_word(l->line[l->line_len - 1])) {
        erase_one(l, show);
    }
    while (l->line_len != 0 && in_word(l->line[l->line_len - 1])) {
        erase_one(l, show);
    }
}

static void erase_line(struct ptyline *l)
{
    bool show = has(l, ECHO | ECHOE | ECHOK | ECHOKE);
    while (l->line_len != 0) {
        erase_one(l, show);
    }
    if (!show && has(l, ECHO)) {
        echo(l, l->settings.c_cc[VKILL]);
        if (has(l, ECHOK)) {
            process(l, '\n');
        }
    }
}

static void give(struct ptyline *l, unsigned c)
{
    if (l->in_len < PTYLINE_CAP) {
        l->input[(l->in_start + l->in_len++) % PTYLINE_CAP] = (uint16_t)c;
        l->lines += (c & PTYLINE_END) != 0;
    }
}

/* The line is complete, with last, a byte that ends it, or PTYLINE_NOTHING. */
static void end_line(struct ptyline *l, unsigned last)
{
    for (unsigned i = 0; i < l->line_len; i++) {
        give(l, l->line[i]);
    }
    l->line_len = 0;
    give(l, last | PTYLINE_END);
}

static void add(struct ptyline *l, uint8_t c)
{
    if (l->line_len < PTYLINE_CAP - 2) { /* the rest of a line that is too long is lost */
        l->line[l->line_len++] = c;
        if (has(l, ECHO)) {
            echo(l, c);
        }
    }
}

/* A byte of a line that is edited. */
static void edit(struct ptyline *l, uint8_t c)
{
    if (l->literal) {
        l->literal = false;
        add(l, c);
    } else if (is(l, VERASE, c)) {
        erase(l);
    } else if (is(l, VKILL, c)) {
        erase_line(l);
    } else if (is(l, VWERASE, c) && has(l, IEXTEN)) {
        erase_word(l);
    } else if (is(l, VLNEXT, c) && has(l, IEXTEN)) {
        l->literal = true;
        if (has(l, ECHO | ECHOCTL)) {
            emit(l, '^');
            emit(l, '\b');
        }
    } else if (c == '\n') {
        if (has(l, ECHO) || has(l, ECHONL)) {
            process(l, c);
        }
        end_line(l, c);
    } else if (is(l, VEOF, c)) {
        end_line(l, PTYLINE_NOTHING);
    } else if (is(l, VEOL, c) || (is(l, VEOL2, c) && has(l, IEXTEN))) {
        if (has(l, ECHO)) {
            echo(l, c);
        }
        end_line(l, c);
    } else {
        add(l, c);
    }
}

/* Bytes that act at once, in lines or not. */
static bool acts(struct ptyline *l, uint8_t c)
{
    bool flow = (l->settings.c_iflag & IXON) != 0 && (is(l, VSTOP, c) || is(l, VSTART, c));
    if (flow) {
        l->stopped = is(l, VSTOP, c) && !is(l, VSTART, c);
        return true;
    }
    bool signal = has(l, ISIG) && (is(l, VINTR, c) || is(l, VQUIT, c) || is(l, VSUSP, c));
    if (signal && !has(l, NOFLSH)) {
        ptyline_flush(l);
        l->out_len = 0;
    }
    if (signal && has(l, ECHO)) {
        echo(l, c);
    }
    return signal;
}

void ptyline_put(struct ptyline *l, uint8_t c)
{
    tcflag_t how = l->settings.c_iflag;
    c = (how & ISTRIP) != 0 ? c & DELETE : c;
    if (!l->literal && acts(l, c)) {
        return;
    }
    if (!l->literal && c == '\r' && (how & IGNCR) != 0) {
        return;
    }
    if (!l->literal && c == '\r' && (how & ICRNL) != 0) {
        c = '\n';
    } else if (!l->literal && c == '\n' && (how & INLCR) != 0) {
        c = '\r';
    }
    if (has(l, ICANON)) {
        edit(l, c);
        return;
    }
    if (has(l, ECHO)) {
        echo(l, c);
    }
    give(l, c);
}

unsigned ptyline_room(const struct ptyline *l)
{
    unsigned used = l->in_len + l->line_len;
    bool lines = has(l, ICANON) && l->lines == 0; /* what is too long is lost, so that it can end */
    return used + 2 < PTYLINE_CAP ? PTYLINE_CAP - 2 - used : lines;
}

static unsigned at(const struct ptyline *l, unsigned i)
{
    return l->input[(l->in_start + i) % PTYLINE_CAP];
}

unsigned ptyline_ready(const struct ptyline *l, bool *line)
{
    unsigned n = 0;
    *line = has(l, ICANON) && l->lines != 0;
    if (has(l, ICANON) && !*line) {
        return 0;
    }
    while (n < l->in_len && !(*line && (at(l, n) & PTYLINE_END) != 0)) {
        n++;
    }
    return n + (*line && (at(l, n) & PTYLINE_NOTHING) == 0);
}

unsigned ptyline_take(struct ptyline *l, uint8_t *out, unsigned cap)
{
    unsigned n = 0;
    bool ended = false;
    bool line;
    (void)ptyline_ready(l, &line);
    while (l->in_len != 0 && !ended && (n < cap || (line && (at(l, 0) & PTYLINE_NOTHING) != 0))) {
        unsigned c = at(l, 0);
        l->in_start = (l->in_start + 1) % PTYLINE_CAP;
        l->in_len--;
        l->lines -= (c & PTYLINE_END) != 0;
        ended = line && (c & PTYLINE_END) != 0;
        if ((c & PTYLINE_NOTHING) == 0) {
            out[n++] = (uint8_t)c;
        }
    }
    return n;
}

unsigned ptyline_drain(struct ptyline *l, uint8_t *out, unsigned cap)
{
    unsigned n = 0;
    for (; n < cap && l->out_len != 0; l->out_len--) {
        out[n++] = l->output[l->out_start];
        l->out_start = (l->out_start + 1) % PTYLINE_CAP;
    }
    return n;
}

void ptyline_set(struct ptyline *l, const struct termios2 *to)
{
    bool was_lines = has(l, ICANON);
    l->settings = *to;
    if (was_lines && !has(l, ICANON)) { /* what was being edited can be read as it is */
        for (unsigned i = 0; i < l->line_len; i++) {
            give(l, l->line[i]);
        }
        l->line_len = 0;
        l->literal = false;
    } else if (!was_lines && has(l, ICANON) && l->in_len != 0) {
        give(l, PTYLINE_NOTHING | PTYLINE_END); /* and what is there is a line */
    }
    l->stopped = l->stopped && (to->c_iflag & IXON) != 0;
}

void ptyline_flush(struct ptyline *l)
{
    l->in_len = l->line_len = l->lines = 0;
    l->literal = false;
}
