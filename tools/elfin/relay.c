/* SPDX-License-Identifier: MIT */
/* Owns the loop that moves bytes. One buffer a direction; input is read only when the one before
 * has gone. The caller's descriptors are left in the blocking mode they came in, because others
 * share it: writes to them are short enough not to block after poll said so. Nothing is read from
 * the caller before the program wants input: what it leaves is for others.
 * Lines of the log stream that begin with "\001" are for the relay (take_line): the exit status,
 * for one, comes after everything else was flushed, so the hypervisor can be ended at once then.
 * The guest hears of signals and of the window's size by lines on the events stream
 * (fs/ttyhost.c).
 * Source: poll(2), signalfd(2), pipe(7) for PIPE_BUF. */
#include "tools/elfin/relay.h"

#include <errno.h>
#include <limits.h>
#include <linux/sockios.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/elfin/backlog.h"
#include "tools/elfin/hostclock.h"
#include "tools/elfin/report.h"
#include "tools/elfin/signals.h"
#include "tools/elfin/terminal.h"

#define BUFFER_LEN 65536
#define PATIENCE_NS 2000000000UL /* a machine that takes no signal for so long may be killed */
#define LINE_LEN 512
#define PORTS_PERIOD_MS 5 /* between looks for ports that listen */
#define LOOKS_MAX 4000
#define NONE (-1)

struct pipe {
    int from, to; /* NONE once it is over */
    size_t chunk; /* how much to can take without blocking when poll says so */
    size_t start, end; /* what buffer holds */
    char buffer[BUFFER_LEN];
};

/* The log stream: its lines go to stderr but for the status. */
struct log {
    int from;
    size_t len;
    char line[LINE_LEN];
};

enum pipe_number { PIPE_IN, PIPE_EVENTS, PIPE_OUT, PIPE_ERR, PIPES };

struct relay {
    struct qemu *qemu;
    struct relay_times *times;
    struct pipe pipes[PIPES];
    struct log logs[2]; /* the log port and the serial one */
    struct text messages; /* of QEMU */
    int signals; /* signalfd */
    int status; /* NONE until known */
    uint64_t urged; /* since when a signal to end waits for somebody to take the output */
    uint64_t asked; /* since when the machine has had events to take, if it has */
    bool killed;
    const struct ports *ports; /* that do not listen yet; NULL: none */
    unsigned looks; /* for them */
};

static void note(uint64_t *when)
{
    *when = *when != 0 ? *when : hostclock_now(CLOCK_MONOTONIC);
}

static void kill_machine(struct relay *r)
{
    if (!r->killed) {
        kill(r->qemu->pid, SIGKILL);
        r->killed = true;
    }
}

/* The first reason to end counts. */
static void finish(struct relay *r, int status)
{
    if (r->status == NONE) {
        r->status = status;
        note(&r->times->status);
    }
    kill_machine(r);
}

/* What a pipe waits for: room if it holds data, else data. */
static struct pollfd watch_pipe(const struct pipe *p)
{
    bool full = p->start != p->end;
    return (struct pollfd){full ? p->to : p->from, full ? POLLOUT : POLLIN, 0};
}

static void close_input(struct pipe *p)
{
    shutdown(p->to, SHUT_WR); /* the machine sees the end after the data */
    p->from = p->to = NONE;
}

static void write_pipe(struct relay *r, struct pipe *p)
{
    size_t len = p->end - p->start < p->chunk ? p->end - p->start : p->chunk;
    ssize_t n = write(p->to, p->buffer + p->start, len);
    if (n >= 0) {
        p->start += (size_t)n;
        r->urged = p >= &r->pipes[PIPE_OUT] ? 0 : r->urged;
        return;
    }
    if (errno == EAGAIN || errno == EINTR) {
        return;
    }
    bool output = p >= &r->pipes[PIPE_OUT];
    if (output && errno == EPIPE) {
        finish(r, STATUS_SIGNAL + SIGPIPE);
    } else if (output) {
        finish(r, report_error(STATUS_OWN_ERROR, "cannot write output: %s", strerror(errno)));
    }
    p->from = p->to = NONE;
}

static void read_pipe(struct relay *r, struct pipe *p)
{
    ssize_t n = read(p->from, p->buffer, sizeof(p->buffer));
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    p->start = 0;
    p->end = n > 0 ? (size_t)n : 0;
    if (n > 0) {
        if (p != &r->pipes[PIPE_IN]) {
            note(&r->times->first_output);
        }
        struct pollfd room = watch_pipe(p);
        if (poll(&room, 1, 0) > 0) {
            write_pipe(r, p);
        }
    } else if (p == &r->pipes[PIPE_IN]) {
        close_input(p);
    } else {
        p->from = NONE;
    }
}

static void put(const char *text, size_t len)
{
    while (len != 0) {
        ssize_t n = write(STDERR_FILENO, text, len);
        if (n < 0 && errno != EINTR) {
            return;
        }
        text += n > 0 ? n : 0;
        len -= n > 0 ? (size_t)n : 0;
    }
}

/* The machine has not taken all events yet. */
static bool has_events(const struct relay *r)
{
    const struct pipe *p = &r->pipes[PIPE_EVENTS];
    int unread = 0;
    return p->start != p->end ||
           (p->to != NONE && ioctl(p->to, SIOCOUTQ, &unread) == 0 && unread != 0);
}

/* Send an event to the machine; it is lost if thousands are on the way already. */
static void tell(struct relay *r, const char *text, size_t len)
{
    struct pipe *p = &r->pipes[PIPE_EVENTS];
    if (!has_events(r)) {
        r->asked = hostclock_now(CLOCK_MONOTONIC);
    }
    if (p->start == p->end) {
        p->start = p->end = 0;
    }
    if (p->to != NONE && len <= sizeof(p->buffer) - p->end) {
        memcpy(p->buffer + p->end, text, len);
        p->end += len;
        write_pipe(r, p);
    }
}

static void tell_size(struct relay *r)
{
    struct text line = {0};
    if (terminal_size(&line)) {
        tell(r, line.data, line.len);
    }
    text_fini(&line);
}

/* The guest waits until what it asked for is done. */
static void answer(struct relay *r)
{
    static const char done[] = "done\n";
    tell(r, done, sizeof(done) - 1);
}

static void take_status(struct relay *r, const char *text)
{
    finish(r, (int)(strtol(text, NULL, 10) & 0xff));
}

/* The program wants input. */
static void take_input(struct relay *r, const char *text)
{
    (void)text;
    r->pipes[PIPE_IN].from = r->pipes[PIPE_IN].to != NONE ? STDIN_FILENO : NONE;
}

/* Output that was written before the change of settings goes out before it. */
static void take_settings(struct relay *r, const char *text)
{
    for (int i = PIPE_OUT; i < PIPES; i++) {
        struct pipe *p = &r->pipes[i];
        struct pollfd watch;
        while (watch = watch_pipe(p), watch.fd != NONE && poll(&watch, 1, 0) > 0) {
            (p->start != p->end ? write_pipe : read_pipe)(r, p);
        }
    }
    if (terminal_set(text)) {
        r->pipes[PIPE_IN].start = r->pipes[PIPE_IN].end;
    }
    answer(r);
}

/* The program stops; when the tool is continued, so is the program. */
static void take_stop(struct relay *r, const char *text)
{
    int number = (int)strtol(text, NULL, 10);
    if (number == SIGTSTP || number == SIGTTIN || number == SIGTTOU || number == SIGSTOP) {
        terminal_restore();
        signals_stop(number, r->qemu->pid);
        terminal_resume();
        tell_size(r);
    }
    answer(r);
}

static void take_time(struct relay *r, const char *text)
{
    char line[32];
    (void)text;
    int len = snprintf(line, sizeof(line), "now %lu\n", hostclock_now(CLOCK_REALTIME));
    tell(r, line, (size_t)len);
    answer(r);
}

static void take_line(struct relay *r, struct log *l)
{
    static const struct mark {
        const char *text;
        void (*take)(struct relay *r, const char *text);
    } marks[] = {{"\001exit ", take_status},
                 {"\001input", take_input},
                 {"\001tty ", take_settings},
                 {"\001stop ", take_stop},
                 {"\001now", take_time}};
    size_t len = l->len;
    l->len = 0;
    for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
        size_t skip = strlen(marks[i].text);
        if (strncmp(l->line, marks[i].text, skip) == 0) {
            marks[i].take(r, l->line + skip);
            return;
        }
    }
    put(l->line, len);
}

static void read_log(struct relay *r, struct log *l)
{
    char bytes[4096];
    ssize_t n = read(l->from, bytes, sizeof(bytes));
    if (n <= 0) {
        l->from = n < 0 && (errno == EAGAIN || errno == EINTR) ? l->from : NONE;
        return;
    }
    note(&r->times->first_log);
    for (ssize_t i = 0; i < n; i++) {
        l->line[l->len++] = bytes[i];
        if (bytes[i] == '\n' || l->len == sizeof(l->line) - 1) {
            l->line[l->len] = '\0';
            take_line(r, l);
        }
    }
}

static void read_messages(struct relay *r)
{
    char bytes[4096];
    ssize_t n = read(r->qemu->messages, bytes, sizeof(bytes));
    if (n > 0) {
        text_add(&r->messages, bytes, (size_t)n);
    } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
        r->qemu->messages = NONE;
    }
}

/* Nobody takes the program's output, which it waits for, although it was asked to end. */
static bool is_stuck(struct relay *r, uint64_t now)
{
    bool full = false;
    for (int i = PIPE_OUT; i < PIPES; i++) {
        full = full || r->pipes[i].start != r->pipes[i].end;
    }
    uint64_t since = r->urged;
    r->urged = !full ? 0 : since != 0 ? since : now;
    return full && since != 0 && now - since > PATIENCE_NS;
}

static void give_up(struct relay *r, int number)
{
    for (int i = PIPE_OUT; i < PIPES; i++) {
        r->pipes[i].from = r->pipes[i].to = NONE;
    }
    finish(r, STATUS_SIGNAL + number);
}

/* A signal is the program's to deal with, unless its machine does not listen any more. */
static void take_signal(struct relay *r)
{
    struct signalfd_siginfo info;
    char line[64];
    if (read(r->signals, &info, sizeof(info)) != sizeof(info)) {
        return;
    }
    uint64_t now = hostclock_now(CLOCK_MONOTONIC);
    if (signals_ends((int)info.ssi_signo) &&
        (is_stuck(r, now) || (has_events(r) && now - r->asked > PATIENCE_NS))) {
        give_up(r, (int)info.ssi_signo);
        return;
    }
    if (info.ssi_signo == SIGWINCH) {
        tell_size(r);
    }
    int len = snprintf(line, sizeof(line), "signal %u %u %llu\n", info.ssi_signo,
                       (unsigned)info.ssi_code, (unsigned long long)info.ssi_ptr);
    tell(r, line, (size_t)len);
}

/* Everything the machine wrote has arrived and gone on. */
static bool is_over(const struct relay *r)
{
    for (int i = PIPE_OUT; i < PIPES; i++) {
        const struct pipe *p = &r->pipes[i];
        if (p->from != NONE || (p->to != NONE && p->start != p->end)) {
            return false;
        }
    }
    return r->logs[0].from == NONE && r->logs[1].from == NONE && r->qemu->messages == NONE;
}

static void step(struct relay *r)
{
    enum { LOG = PIPES, SERIAL, MESSAGES, SIGNALS, WATCHES };
    struct pollfd watches[WATCHES] = {
        [LOG] = {r->logs[0].from, POLLIN, 0},
        [SERIAL] = {r->logs[1].from, POLLIN, 0},
        [MESSAGES] = {r->qemu->messages, POLLIN, 0},
        [SIGNALS] = {r->signals, POLLIN, 0},
    };
    for (int i = 0; i < PIPES; i++) {
        watches[i] = watch_pipe(&r->pipes[i]);
    }
    if (poll(watches, WATCHES, r->ports != NULL ? PORTS_PERIOD_MS : -1) < 0) {
        return;
    }
    if (r->ports != NULL && (backlog_widen(r->qemu->pid, r->ports) || ++r->looks == LOOKS_MAX)) {
        r->ports = NULL;
    }
    for (int i = 0; i < PIPES; i++) {
        struct pipe *p = &r->pipes[i];
        if (watches[i].revents != 0) {
            (p->start != p->end ? write_pipe : read_pipe)(r, p);
        }
    }
    for (int i = 0; i < 2; i++) {
        if (watches[LOG + i].revents != 0) {
            read_log(r, &r->logs[i]);
        }
    }
    if (watches[MESSAGES].revents != 0) {
        read_messages(r);
    }
    if (watches[SIGNALS].revents != 0) {
        take_signal(r);
    }
}

static size_t chunk_of(int fd)
{
    struct stat st;
    return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) ? BUFFER_LEN : PIPE_BUF;
}

static void set_up(struct relay *r, struct qemu *q)
{
    r->signals = signals_start();
    static const struct {
        int from, to; /* streams of the machine, or of the caller */
    } ends[PIPES] = {[PIPE_IN] = {NONE, QEMU_STDIN},
                     [PIPE_EVENTS] = {NONE, QEMU_EVENTS},
                     [PIPE_OUT] = {QEMU_STDOUT, STDOUT_FILENO},
                     [PIPE_ERR] = {QEMU_STDERR, STDERR_FILENO}};
    for (int i = 0; i < PIPES; i++) {
        bool output = i >= PIPE_OUT;
        r->pipes[i].from = output ? q->stream[ends[i].from] : NONE;
        r->pipes[i].to = output ? ends[i].to : q->stream[ends[i].to];
        r->pipes[i].chunk = output ? chunk_of(ends[i].to) : BUFFER_LEN;
    }
    r->logs[0].from = q->stream[QEMU_LOG];
    r->logs[1].from = q->stream[QEMU_SERIAL];
}

/* The machine ended without a status: whatever QEMU said is the best explanation there is. */
static int explain(const struct relay *r, int how)
{
    if (r->messages.len != 0) {
        put(r->messages.data, r->messages.len);
    }
    if (WIFSIGNALED(how)) {
        return report_error(STATUS_OWN_ERROR, "the hypervisor was ended by signal %d (%s)",
                            WTERMSIG(how), strsignal(WTERMSIG(how)));
    }
    return report_error(STATUS_OWN_ERROR, "the machine ended without an exit status (QEMU says %d)",
                        WEXITSTATUS(how));
}

int relay_run(struct qemu *q, const struct ports *ports, struct relay_times *times)
{
    struct relay *r = calloc(1, sizeof(*r));
    if (r == NULL) {
        report_no_memory();
    }
    r->qemu = q;
    r->times = times;
    r->ports = ports;
    r->status = NONE;
    set_up(r, q);
    while (!is_over(r)) {
        step(r);
    }
    for (int i = 0; i < 2; i++) {
        put(r->logs[i].line, r->logs[i].len);
    }
    terminal_restore();
    int how = 0;
    kill_machine(r);
    waitpid(q->pid, &how, 0);
    times->end = hostclock_now(CLOCK_MONOTONIC);
    int status = r->status != NONE ? r->status : explain(r, how);
    text_fini(&r->messages);
    free(r);
    return status;
}
