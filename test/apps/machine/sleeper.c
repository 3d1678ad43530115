// SPDX-License-Identifier: MIT
/* Says that it sleeps, and sleeps for longer than its test takes. */
#include <stdio.h>
#include <unistd.h>

int main(void)
{
    puts("asleep");
    fflush(stdout);
    sleep(60);
    puts("awake");
    return 0;
}
