/* SPDX-License-Identifier: MIT */
/* Signals of the program's own making: what their siginfo says, and those that a thread gets for
 * what its call did. Owns nothing. Source: signal(7), sigaction(2), write(2), pipe(7). */
#include <asm/siginfo.h>

#include "kernel/base/string.h"
#include "kernel/process.h"
#include "kernel/signal.h"
#include "kernel/thread.h"

void signal_info_of_self(siginfo_t *info, int sig, int code)
{
    memset(info, 0, sizeof(*info));
    info->si_signo = sig;
    info->si_code = code;
    info->si_pid = PROCESS_PID;
    info->si_uid = process.uid;
}

void signal_send_self(int sig)
{
    siginfo_t info;
    signal_info_of_self(&info, sig, SI_USER);
    (void)signal_send_thread(thread_this(), sig, &info); /* the call's error says it, too */
}
