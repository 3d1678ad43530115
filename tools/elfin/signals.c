/* SPDX-License-Identifier: MIT */
/* Owns the choice of signals that are the program's: all but those that tell the tool of its own
 * faults, streams, children and place in the background, and those that nobody can catch. The shell
 * sees the tool stop as it would see the program.
 * Source: signal(7), signalfd(2), setpgid(2) and credentials(7) for job control. */
#include "tools/elfin/signals.h"

#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/signalfd.h>

static const int kept[] = {SIGKILL, SIGSTOP, SIGILL,  SIGTRAP, SIGBUS,  SIGFPE,
                           SIGSEGV, SIGSYS,  SIGPIPE, SIGCHLD, SIGTTIN, SIGTTOU};

static bool is_kept(int number)
{
    for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
        if (kept[i] == number) {
            return true;
        }
    }
    return false;
}

void signals_describe(struct text *options)
{
    uint64_t ignored = 0;
    struct sigaction action;
    for (int number = 1; number < NSIG; number++) {
        if (sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN) {
            ignored |= 1UL << (number - 1);
        }
    }
    text_add_string(options, " events");
    if (ignored != 0) {
        text_add_format(options, " sigign=0x%lx", ignored);
    }
}

int signals_start(void)
{
    sigset_t set;
    sigfillset(&set);
    for (int number = 1; number < NSIG; number++) {
        if (is_kept(number)) {
            sigdelset(&set, number);
        }
    }
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN); /* a write tells */
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

bool signals_ends(int number)
{
    return number == SIGHUP || number == SIGINT || number == SIGQUIT || number == SIGTERM;
}

void signals_stop(int number, pid_t machine)
{
    struct sigaction before;
    struct sigaction action = {.sa_handler = SIG_DFL};
    sigset_t set;
    kill(machine, SIGSTOP);
    sigemptyset(&set);
    sigaddset(&set, number);
    sigaction(number, &action, &before);
    raise(number); /* pending until it is let through */
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    if (!is_kept(number)) {
        sigprocmask(SIG_BLOCK, &set, NULL);
    }
    sigaction(number, &before, NULL);
    kill(machine, SIGCONT);
}
