/* SPDX-License-Identifier: MIT */
/* Says what it hears: signals, and what becomes of its terminal. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

static volatile sig_atomic_t heard;

static void handle(int number)
{
    heard = number;
}

static int wait_for_default(void)
{
    puts("waiting");
    for (;;) {
        pause();
    }
}

/* What the program was started with. */
static int show_ignored(void)
{
    struct sigaction action;
    for (int number = 1; number < 32; number++) {
        if (sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN) {
            printf("ignored: %d\n", number);
        }
    }
    return wait_for_default();
}

static int take_all(void)
{
    sigset_t all;
    siginfo_t info;
    int number;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
    puts("ready");
    while ((number = sigwaitinfo(&all, &info)) > 0 && number != SIGTERM) {
        printf("%d code %d\n", number, info.si_code);
    }
    return 7;
}

/* No system call ever: the signal must come between two instructions. */
static int spin(void)
{
    signal(SIGUSR1, handle);
    puts("ready");
    while (heard == 0) {
    }
    printf("%d\n", (int)heard);
    return 8;
}

static void show_size(const char *why)
{
    struct winsize size = {0};
    if (ioctl(0, TIOCGWINSZ, &size) == 0) {
        printf("%s %ux%u\n", why, size.ws_col, size.ws_row);
    }
}

static int watch_terminal(void)
{
    sigset_t all;
    siginfo_t info;
    int number;
    sigfillset(&all);
    sigdelset(&all, SIGTSTP);
    sigprocmask(SIG_BLOCK, &all, NULL);
    show_size("size");
    while ((number = sigwaitinfo(&all, &info)) > 0 || heard == 0) {
        if (number == SIGWINCH) {
            show_size("changed");
        } else if (number > 0) {
            printf("%d code %d\n", number, info.si_code);
        }
        if (number == SIGQUIT) {
            return 9;
        }
    }
    return 1;
}

/* Keys are bytes while the settings say so. */
static int read_raw(void)
{
    struct termios before;
    struct termios raw;
    char byte;
    tcgetattr(0, &before);
    raw = before;
    cfmakeraw(&raw);
    tcsetattr(0, TCSAFLUSH, &raw);
    printf("raw\n");
    while (read(0, &byte, 1) == 1 && byte != 'q') {
        printf("%d\n", byte);
    }
    tcsetattr(0, TCSADRAIN, &before);
    printf("cooked\n");
    while (read(0, &byte, 1) == 1 && byte != '\n') {
        printf("%c", byte);
    }
    printf(".\n");
    return 0;
}

/* The control characters are settings, too. */
static int change_keys(void)
{
    struct termios t;
    tcgetattr(0, &t);
    printf("erase %d interrupt %d\n", t.c_cc[VERASE], t.c_cc[VINTR]);
    t.c_cc[VINTR] = 'x';
    tcsetattr(0, TCSANOW, &t);
    puts("changed");
    for (;;) {
        pause();
    }
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(void);
    } parts[] = {{"default", wait_for_default},
                 {"ignored", show_ignored},
                 {"all", take_all},
                 {"spin", spin},
                 {"terminal", watch_terminal},
                 {"raw", read_raw},
                 {"keys", change_keys}};
    setvbuf(stdout, NULL, _IONBF, 0);
    for (unsigned i = 0; argc > 1 && i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (strcmp(argv[1], parts[i].name) == 0) {
            return parts[i].run();
        }
    }
    return 2;
}
