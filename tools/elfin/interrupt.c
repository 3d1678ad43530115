/* SPDX-License-Identifier: MIT */
/* Owns the signal mask while the tool must not be ended. Signals that are ignored stay so: they are
 * not held, for sigwaitinfo would take them.
 * Source: signal(7), sigwaitinfo(2), waitpid(2). */
#include "tools/elfin/interrupt.h"

#include <errno.h>
#include <stddef.h>
#include <sys/wait.h>

static const int ending[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM};

void interrupt_hold(struct interrupt *h)
{
    struct sigaction action;
    sigemptyset(&h->held);
    for (size_t i = 0; i < sizeof(ending) / sizeof(ending[0]); i++) {
        if (sigaction(ending[i], NULL, &action) == 0 && action.sa_handler != SIG_IGN) {
            sigaddset(&h->held, ending[i]);
        }
    }
    sigaddset(&h->held, SIGCHLD);
    signal(SIGCHLD, SIG_DFL); /* a caller that ignores it would leave nothing to wait for */
    sigprocmask(SIG_BLOCK, &h->held, &h->before);
}

void interrupt_release(const struct interrupt *h)
{
    sigprocmask(SIG_SETMASK, &h->before, NULL);
}

bool interrupt_came(const struct interrupt *h)
{
    sigset_t pending;
    sigpending(&pending);
    sigdelset(&pending, SIGCHLD);
    sigandset(&pending, &pending, &h->held);
    return !sigisemptyset(&pending);
}

int interrupt_wait(const struct interrupt *h, pid_t child)
{
    int how = 0;
    pid_t ended;
    while ((ended = waitpid(child, &how, WNOHANG)) == 0 || (ended < 0 && errno == EINTR)) {
        int number = sigwaitinfo(&h->held, NULL);
        if (number > 0 && number != SIGCHLD) {
            kill(child, SIGKILL);
            waitpid(child, &how, 0);
            raise(number); /* held: it takes effect at the release */
            break;
        }
    }
    return how;
}
