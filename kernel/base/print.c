/* SPDX-License-Identifier: MIT */
/* printf core, the log, panic. Output functions never allocate: they must work when nothing else
 * does. Levels are written at boot and read without a lock. Source: C11 7.21.6.1 for the
 * formats. */
#include "kernel/base/print.h"

#include <asm/errno.h>

#include "kernel/base/string.h"

#define LINE_MAX 512
#define NUMBER_MAX 24
#define BACKTRACE_MAX 16

struct out {
    char *buf;
    size_t cap, len; /* len counts what would have been written */
};

struct spec {
    bool left, zero, plus;
    int width, precision; /* precision -1: none */
    unsigned bytes; /* of the argument */
};

static const char *const sub_names[LOG_NSUB] = {
    [LOG_BOOT] = "boot",       [LOG_MM] = "mm",         [LOG_FS] = "fs",   [LOG_LOAD] = "load",
    [LOG_SYSCALL] = "syscall", [LOG_SIGNAL] = "signal", [LOG_DEV] = "dev", [LOG_SCHED] = "sched",
};
static const char *const level_names[] = {"error", "warn", "info", "debug"};
static enum log_level levels[LOG_NSUB] = {
    LOG_WARN, LOG_WARN, LOG_WARN, LOG_WARN, LOG_WARN, LOG_WARN, LOG_WARN, LOG_WARN,
};
static void (*log_sink)(const char *text, size_t len);
static void (*panic_stop)(void);

static void put(struct out *o, char c)
{
    if (o->len + 1 < o->cap) {
        o->buf[o->len] = c;
    }
    o->len++;
}

static void put_padding(struct out *o, int n, char c)
{
    for (; n > 0; n--) {
        put(o, c);
    }
}

static void put_text(struct out *o, const struct spec *s, const char *text, size_t len)
{
    int pad = s->width - (int)len;
    put_padding(o, s->left ? 0 : pad, ' ');
    for (size_t i = 0; i < len; i++) {
        put(o, text[i]);
    }
    put_padding(o, s->left ? pad : 0, ' ');
}

static void put_number(struct out *o, const struct spec *s, uint64_t value, unsigned base,
                       char sign)
{
    bool upper = base == 'X';
    const char *digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";
    unsigned radix = upper ? 16 : base;
    char text[NUMBER_MAX];
    int n = 0;
    for (; value != 0 || (n == 0 && s->precision != 0); value /= radix) {
        text[NUMBER_MAX - ++n] = digits[value % radix];
    }
    int zeros = s->precision - n;
    int pad = s->width - n - (sign != 0 ? 1 : 0) - max(zeros, 0);
    if (s->zero && !s->left && s->precision < 0) {
        zeros = pad;
        pad = 0;
    }
    put_padding(o, s->left ? 0 : pad, ' ');
    if (sign != 0) {
        put(o, sign);
    }
    put_padding(o, zeros, '0');
    for (; n > 0; n--) {
        put(o, text[NUMBER_MAX - n]);
    }
    put_padding(o, s->left ? pad : 0, ' ');
}

static int parse_int(const char **p, va_list *args)
{
    int n = 0;
    if (**p == '*') {
        (*p)++;
        return va_arg(*args, int);
    }
    for (; **p >= '0' && **p <= '9'; (*p)++) {
        n = n * 10 + (**p - '0');
    }
    return n;
}

static void parse_spec(const char **p, va_list *args, struct spec *s)
{
    *s = (struct spec){.precision = -1, .bytes = sizeof(int)};
    for (;; (*p)++) {
        if (**p == '-') {
            s->left = true;
        } else if (**p == '0') {
            s->zero = true;
        } else if (**p == '+') {
            s->plus = true;
        } else {
            break;
        }
    }
    s->width = parse_int(p, args);
    if (s->width < 0) { /* given by '*' */
        s->left = true;
        s->width = -s->width;
    }
    if (**p == '.') {
        (*p)++;
        s->precision = parse_int(p, args);
    }
    for (; **p == 'h'; (*p)++) {
        s->bytes /= 2;
    }
    while (**p == 'l' || **p == 'z') {
        s->bytes = sizeof(long);
        (*p)++;
    }
}

static void put_signed(struct out *o, const struct spec *s, va_list *args)
{
    int64_t v = s->bytes == sizeof(long) ? va_arg(*args, int64_t) : va_arg(*args, int);
    v = s->bytes == sizeof(short) ? (short)v : v;
    v = s->bytes == sizeof(char) ? (signed char)v : v;
    char sign = s->plus ? '+' : 0;
    uint64_t magnitude = (uint64_t)v;
    if (v < 0) {
        sign = '-';
        magnitude = 0 - magnitude;
    }
    put_number(o, s, magnitude, 10, sign);
}

static uint64_t take_unsigned(const struct spec *s, va_list *args)
{
    uint64_t v = s->bytes == sizeof(long) ? va_arg(*args, uint64_t) : va_arg(*args, unsigned);
    return s->bytes == sizeof(long) ? v : v & ((1UL << 8 * s->bytes) - 1);
}

static void put_string(struct out *o, const struct spec *s, const char *text)
{
    if (text == NULL) {
        text = "(null)";
    }
    put_text(o, s, text, s->precision < 0 ? strlen(text) : strnlen(text, (size_t)s->precision));
}

static void put_spec(struct out *o, char conversion, const struct spec *s, va_list *args)
{
    struct spec pointer = {.precision = 1};
    char c;
    switch (conversion) {
    case 'd':
    case 'i': put_signed(o, s, args); break;
    case 'u': put_number(o, s, take_unsigned(s, args), 10, 0); break;
    case 'o': put_number(o, s, take_unsigned(s, args), 8, 0); break;
    case 'x': put_number(o, s, take_unsigned(s, args), 16, 0); break;
    case 'X': put_number(o, s, take_unsigned(s, args), 'X', 0); break;
    case 'p':
        put(o, '0');
        put(o, 'x');
        put_number(o, &pointer, (uint64_t)(uintptr_t)va_arg(*args, void *), 16, 0);
        break;
    case 's': put_string(o, s, va_arg(*args, const char *)); break;
    case 'c':
        c = (char)va_arg(*args, int);
        put_text(o, s, &c, 1);
        break;
    default: put(o, conversion); break;
    }
}

int print_vbuf(char *buf, size_t cap, const char *fmt, va_list given)
{
    struct out o = {buf, cap, 0};
    va_list args;
    va_copy(args, given);
    for (; *fmt != 0; fmt++) {
        struct spec s;
        if (*fmt != '%') {
            put(&o, *fmt);
            continue;
        }
        fmt++;
        parse_spec(&fmt, &args, &s);
        if (*fmt == 0) {
            break;
        }
        put_spec(&o, *fmt, &s, &args);
    }
    va_end(args);
    if (cap > 0) {
        buf[min(o.len, cap - 1)] = 0;
    }
    return (int)o.len;
}

int print_buf(char *buf, size_t cap, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int len = print_vbuf(buf, cap, fmt, args);
    va_end(args);
    return len;
}

void log_set_sink(void (*sink)(const char *text, size_t len))
{
    log_sink = sink;
}

/* Index of the name text[len] in table[n], -EINVAL. */
static int name_find(const char *text, size_t len, const char *const *table, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (strlen(table[i]) == len && strncmp(table[i], text, len) == 0) {
            return (int)i;
        }
    }
    return -EINVAL;
}

/* One "sub:level" or "level" of len bytes into wanted. */
static int configure_item(const char *item, size_t len, enum log_level *wanted)
{
    const char *colon = memchr(item, ':', len);
    const char *name = colon != NULL ? colon + 1 : item;
    int level = name_find(name, len - (size_t)(name - item), level_names, ARRAY_LEN(level_names));
    if (level < 0) {
        return level;
    }
    if (colon == NULL) {
        for (unsigned i = 0; i < LOG_NSUB; i++) {
            wanted[i] = (enum log_level)level;
        }
        return 0;
    }
    int sub = name_find(item, (size_t)(colon - item), sub_names, LOG_NSUB);
    if (sub < 0) {
        return sub;
    }
    wanted[sub] = (enum log_level)level;
    return 0;
}

int log_configure(const char *spec)
{
    enum log_level wanted[LOG_NSUB];
    memcpy(wanted, levels, sizeof(wanted));
    for (;;) {
        const char *end = strchr(spec, ',');
        size_t len = end != NULL ? (size_t)(end - spec) : strlen(spec);
        int err = configure_item(spec, len, wanted);
        if (err != 0) {
            return err;
        }
        if (end == NULL) {
            memcpy(levels, wanted, sizeof(levels));
            return 0;
        }
        spec = end + 1;
    }
}

static void emit_line(const char *fmt, va_list args)
{
    static const char prefix[] = "elfin: ";
    char line[LINE_MAX];
    size_t start = sizeof(prefix) - 1;
    memcpy(line, prefix, start);
    int len = print_vbuf(line + start, sizeof(line) - start - 1, fmt, args);
    size_t end = start + min((size_t)len, sizeof(line) - start - 2);
    line[end++] = '\n';
    if (log_sink != NULL) {
        log_sink(line, end);
    }
}

void log_write(enum log_sub sub, enum log_level level, const char *fmt, ...)
{
    va_list args;
    if (level > levels[sub]) {
        return;
    }
    va_start(args, fmt);
    emit_line(fmt, args);
    va_end(args);
}

static void emit(const char *fmt, ...) PRINTF_LIKE(1, 2);
static void emit(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    emit_line(fmt, args);
    va_end(args);
}

/* Follow the frame pointers of our own stack: they grow, stay close and are aligned. */
static void backtrace(void)
{
    const uintptr_t *fp = __builtin_frame_address(0);
    for (unsigned i = 0; i < BACKTRACE_MAX && fp != NULL; i++) {
        const uintptr_t *up = (const uintptr_t *)fp[0];
        emit("  called from %lx", (unsigned long)fp[1]);
        if (up <= fp || !is_aligned((uintptr_t)up, sizeof(*up)) || up - fp > (long)PAGE_SIZE) {
            return;
        }
        fp = up;
    }
}

void panic_set_stop(void (*stop)(void))
{
    panic_stop = stop;
}

void panic(const char *fmt, ...)
{
    static bool again;
    va_list args;
    va_start(args, fmt);
    emit_line(fmt, args);
    va_end(args);
    if (!again) {
        again = true;
        backtrace();
    }
    if (panic_stop != NULL) {
        panic_stop();
    }
    __builtin_trap();
}
