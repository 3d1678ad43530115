/* SPDX-License-Identifier: MIT */
/* The settings of a terminal that nobody has set. Source: termios(3). */
#include "fs/ttyfresh.h"

#include "kernel/base/string.h"

#define CONTROL(c) ((c) - '@')
#define DELETE 0x7f

static const cc_t control_characters[] = {
    [VINTR] = CONTROL('C'),    [VQUIT] = CONTROL('\\'),   [VERASE] = DELETE,
    [VKILL] = CONTROL('U'),    [VEOF] = CONTROL('D'),     [VMIN] = 1,
    [VSTART] = CONTROL('Q'),   [VSTOP] = CONTROL('S'),    [VSUSP] = CONTROL('Z'),
    [VREPRINT] = CONTROL('R'), [VDISCARD] = CONTROL('O'), [VWERASE] = CONTROL('W'),
    [VLNEXT] = CONTROL('V'),
};

void ttyfresh_settings(struct termios2 *out)
{
    *out = (struct termios2){
        .c_iflag = ICRNL | IXON,
        .c_oflag = OPOST | ONLCR,
        .c_cflag = B38400 | CS8 | CREAD,
        .c_lflag = ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN,
        .c_ispeed = 38400,
        .c_ospeed = 38400,
    };
    memcpy(out->c_cc, control_characters, sizeof(control_characters));
}
