/* SPDX-License-Identifier: MIT */
/* The host tool's messages. A signal sent to the tool is one of the program's; a change of its
 * terminal's size is one of the console's. When the program is to stop, the tool does: it halts
 * the machine and stops as well, so that the shell that started it has its say.
 *
 * Messages are lines: "signal NUMBER CODE VALUE", "winsize COLUMNS ROWS XPIXELS YPIXELS", "now
 * NANOSECONDS", and "done" for each request that was made on the log stream. They arrive in
 * interrupts, one after the other. asking, a mutex, keeps requests in the order of their tickets.
 * Source: signal(7), credentials(7), tty_ioctl(4). */
#include "fs/ttyhost.h"

#include "fs/ttyio.h"
#include "kernel/base/print.h"
#include "kernel/base/string.h"
#include "kernel/mutex.h"
#include "kernel/signal.h"
#include "kernel/timer.h"
#include "kernel/wait.h"
#include "platform/boot.h"
#include "platform/clock.h"
#include "platform/console.h"
#include "platform/irq.h"
#include "platform/moncall.h"

#define LINE_LEN 96
#define MAX_NUMBERS 4
#define START_NS 10000000UL /* programs that end or write sooner save the timer's work */

static char line[LINE_LEN]; /* the message so far */
static size_t line_len;
static struct timer start;
static struct wait_queue answers = {.waiters = LIST_INIT(answers.waiters)};
static struct mutex asking = {.queue = {.waiters = LIST_INIT(asking.queue.waiters)}};
static bool listening; /* [I] the tool is there */
static uint64_t asked; /* [asking] requests so far */
static uint64_t answered; /* [A] of them */
static uint64_t time_asked; /* [A] when the tool was asked for the time; 0: it is not wanted */

/* Returns how many numbers text begins with. */
static unsigned parse_numbers(char *text, uint64_t *out)
{
    unsigned n = 0;
    while (text != NULL && n < MAX_NUMBERS) {
        char *end = strchr(text, ' ');
        if (end != NULL) {
            *end++ = 0;
        }
        if (string_to_u64(text, &out[n]) != 0) {
            break;
        }
        n++;
        text = end;
    }
    return n;
}

static void take_signal(const uint64_t *number)
{
    siginfo_t info;
    memset(&info, 0, sizeof(info)); /* the sender is no process that the program could name */
    info.si_signo = (int)number[0];
    info.si_code = (int)number[1];
    if (info.si_code == SI_QUEUE) {
        info.si_ptr = (void *)(uintptr_t)number[2];
    }
    if (signal_send(info.si_signo, &info) != 0) {
        log(SIGNAL, WARN, "%s from the host is lost", signal_name(info.si_signo));
    }
}

static void take_size(const uint64_t *number)
{
    struct winsize size = {
        .ws_col = (unsigned short)number[0],
        .ws_row = (unsigned short)number[1],
        .ws_xpixel = (unsigned short)number[2],
        .ws_ypixel = (unsigned short)number[3],
    };
    ttyio_set_size(&size);
}

/* It was so late at the tool half-way between the question and now. */
static void take_time(const uint64_t *number)
{
    uint64_t since = __atomic_exchange_n(&time_asked, 0, __ATOMIC_RELAXED);
    if (since != 0) {
        clock_set_wall(number[0] + (clock_ns() - since) / 2);
    }
}

static void take_line(void)
{
    static const struct message {
        const char *word;
        unsigned numbers;
        void (*take)(const uint64_t *number);
    } messages[] = {
        {"signal ", 3, take_signal}, {"winsize ", 4, take_size}, {"now ", 1, take_time}};
    uint64_t number[MAX_NUMBERS];
    if (strcmp(line, "done") == 0) {
        __atomic_add_fetch(&answered, 1, __ATOMIC_RELEASE);
        wait_wake(&answers, WAIT_ALL);
        return;
    }
    for (unsigned i = 0; i < ARRAY_LEN(messages); i++) {
        size_t len = strlen(messages[i].word);
        if (strncmp(line, messages[i].word, len) == 0 &&
            parse_numbers(line + len, number) == messages[i].numbers) {
            messages[i].take(number);
            return;
        }
    }
    log(DEV, WARN, "the host tool says what is not understood: %s", line);
}

static void arrived(const char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (bytes[i] != '\n' && line_len < LINE_LEN - 1) {
            line[line_len++] = bytes[i];
            continue;
        }
        line[line_len] = 0;
        line_len = 0;
        take_line();
    }
}

void ttyhost_ask(const char *text, size_t len)
{
    struct waiter w;
    mutex_lock(&asking);
    uint64_t ticket = ++asked;
    console_flush(); /* output so far is with the tool before the request */
    (void)console_write(CONSOLE_LOG, text, len);
    mutex_unlock(&asking);
    if (!listening) {
        return;
    }
    wait_begin(&answers, &w);
    while (__atomic_load_n(&answered, __ATOMIC_ACQUIRE) < ticket) {
        wait_sleep_deaf(&w);
    }
    wait_end(&w);
}

void ttyhost_set_clock(void)
{
    static const char text[] = "\001now\n";
    if (!listening || !clock_wall_is_rough()) {
        return;
    }
    console_start(); /* its work is not part of the tool's time */
    __atomic_store_n(&time_asked, clock_ns(), __ATOMIC_RELAXED);
    uint64_t ticket = ++asked;
    (void)console_write(CONSOLE_LOG, text, sizeof(text) - 1);
    while (__atomic_load_n(&answered, __ATOMIC_ACQUIRE) < ticket) {
        if (!irq_poll()) {
            moncall_wait();
        }
    }
}

/* The tool halts the machine; until it has, this thread at least does not go on. */
static void stop(int sig)
{
    char text[16];
    int len = print_buf(text, sizeof(text), "\001stop %d\n", sig);
    ttyhost_ask(text, (size_t)len);
}

static void start_now(struct timer *t)
{
    (void)t;
    console_start();
}

/* What the caller of the tool ignores, the program ignores from its start. */
static void ignore_signals(void)
{
    static const struct sigaction ignore = {.sa_handler = SIG_IGN};
    char text[24];
    uint64_t set = 0;
    if (boot_option("sigign", text, sizeof(text)) <= 0 || string_to_u64(text, &set) != 0) {
        return;
    }
    for (int sig = 1; sig <= SIGNAL_MAX; sig++) {
        if ((SIG_BIT(sig) & set & ~SIGNAL_UNMASKABLE) != 0) {
            int err = signal_action(sig, &ignore, NULL);
            assert(err == 0);
        }
    }
}

void ttyhost_start(void)
{
    char text[1];
    ignore_signals();
    if (boot_option("events", text, sizeof(text)) != 0) {
        return;
    }
    listening = true;
    console_set_events(arrived);
    signal_set_stop_hook(stop);
    timer_init(&start, start_now);
    timer_set(&start, clock_ns() + START_NS);
}
